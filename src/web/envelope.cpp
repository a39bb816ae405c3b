// Renders results in the format of every reply.
#include <algorithm>
#include <iterator>

#include "web/http.hpp"

namespace users::web {
namespace {

/// Takes the data of the result. Sorted by name.
json::Object members_of(Result&& result, std::string_view message) {
  json::Object data = std::move(result.data);
  constexpr std::size_t kOfEnvelope = 4;
  data.reserve(data.size() + kOfEnvelope);
  data.push_back({"code", static_cast<unsigned>(result.code)});
  data.push_back({"msg", message});
  if (result.code == ResultCode::invalid_arguments) {
    data.push_back({"fields", json::Array(result.fields.begin(), result.fields.end())});
  }
  if (result.retry_after > 0) data.push_back({"retry_after", result.retry_after});
  std::ranges::sort(data, {}, &json::Member::name);
  return data;
}

/// Renders a value on one line: text without control characters, a list of texts joined by commas,
/// anything else as JSON.
std::string line_value(const json::Value& value) {
  const auto is_text = [](const json::Value& item) {
    return std::holds_alternative<std::string>(item.content);
  };
  std::string line;
  if (is_text(value)) {
    line = std::get<std::string>(value.content);
  } else if (const auto* items = std::get_if<json::Array>(&value.content);
             items != nullptr && std::ranges::all_of(*items, is_text)) {
    for (const json::Value& item : *items)
      line.append(line.empty() ? "" : ",").append(std::get<std::string>(item.content));
  } else {
    line = json::text(value);
  }
  std::ranges::replace_if(
      line, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return line;
}

/// code and msg first, then the others by name.
std::string render_text(Result&& result, std::string_view message) {
  std::string text = "code=" + std::to_string(static_cast<unsigned>(result.code)) +
                     "\nmsg=" + line_value(message) + "\n";
  for (const json::Member& member : members_of(std::move(result), message)) {
    if (member.name != "code" && member.name != "msg")
      text.append(member.name).append("=").append(line_value(member.value)).append("\n");
  }
  return text;
}

/// Adds the result's headers and WWW-Authenticate, which a 401 requires (RFC 9110 11.6.1). For this
/// scheme no browser asks its user.
void add_headers(Reply& reply, Result& result) {
  if (reply.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (result.retry_after > 0) {
    reply.headers.emplace_back("Retry-After", std::to_string(result.retry_after));
  }
  std::ranges::move(result.headers, std::back_inserter(reply.headers));
}

}  // namespace

Reply render(Result&& result, const Request& request, bool always_200) {
  const ResultCodeRow& row = describe(result.code);
  const std::string_view message = is_chinese(request) ? row.zh : row.en;
  const bool own_status = !always_200 || static_cast<int>(result.code) >= 9000;

  Reply reply;
  reply.status = own_status ? row.http_status : 200;
  constexpr std::size_t kUsualHeaders = 6;
  reply.headers.reserve(kUsualHeaders);
  reply.headers.emplace_back("Cache-Control",
                             result.document ? result.document->cache_control : "no-store");
  reply.headers.emplace_back("X-Request-Id", request.request_id);
  add_headers(reply, result);
  if (result.bare) {
    if (result.code == ResultCode::ok) reply.status = 204;
    return reply;
  }
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (result.document) {
    reply.headers.emplace_back("Content-Type", std::move(result.document->content_type));
    reply.body = std::move(result.document->text);
  } else if (request.form == "text") {
    reply.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
    reply.body = render_text(std::move(result), message);
  } else {
    reply.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
    // Nesting it in another value would copy it.
    reply.body = R"({"data":)" + json::text(members_of(std::move(result), message)) + "}";
  }
  return reply;
}

}  // namespace users::web
