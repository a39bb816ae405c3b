-- One kind of request: wrk ... -s request.lua URL -- METHOD BODY TOKEN FIRST
-- PHONE in BODY becomes a number that no other request had, when FIRST is another for each run. Ends with a line
-- RESULT requests seconds errors p50 p99 p99.9, the last three in microseconds.
local threads = 0

function setup(thread)
  thread:set("index", threads)
  threads = threads + 1
  thread:set("stride", 2)
end

local body, number

-- Spread over the whole index, and never one of the numbers that the table was filled with.
local function phone()
  number = number + stride
  return string.format("1%.0f", 5000000000 + (number * 4801) % 10000000 * 240 + 1 + math.floor(number / 10000000))
end

function init(arguments)
  wrk.method = arguments[1]
  body = arguments[2]
  if arguments[3] ~= "-" then wrk.headers["Authorization"] = "Bearer " .. arguments[3] end
  number = tonumber(arguments[4]) + index
  if body ~= "-" then
    wrk.body = body
    wrk.headers["Content-Type"] = "application/json"
  end
  local fixed = wrk.format()
  if body:find("PHONE") then
    request = function() return wrk.format(nil, nil, nil, (body:gsub("PHONE", phone()))) end
  else
    request = function() return fixed end
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %.6f %d %.0f %.0f %.0f\n", summary.requests, summary.duration / 1e6,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99),
    latency:percentile(99.9)))
end
