// The parts of a reply that depend on the request. Input: lines with Accept, Accept-Language and
// the name of a bad field, which may be any text.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"
#include "web/http.hpp"

namespace users::web {
namespace {

using fuzz::require;

void look_at_text(const std::string& body) {
  require(std::ranges::count(body, '\n') == 4, "a line for each member");
  require(body.starts_with("code=1001\nmsg="), "code and message come first");
  const auto is_control = [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7F; };
  require(std::ranges::none_of(body, is_control), "no control character in a line");
}

void look_at_json(const std::string& body, std::string_view field) {
  const auto reply = nlohmann::json::parse(body).at("data");
  require(reply.at("code") == 1001 && reply.at("retry_after") == 7, "numbers as they were given");
  const auto named = reply.at("fields").at(0).get<std::string>();
  require(!fuzz::is_utf8(field) || named == field, "the field is named as it was sent");
}

void look_at(const Request& request, const std::string& field) {
  const Result result{.code = ResultCode::invalid_arguments, .fields = {field}, .retry_after = 7};
  const Reply reply = render(result, request, false);
  require(reply.status == 400, "the status of the code");
  for (const auto& [name, value] : reply.headers) {
    require(value.find_first_of("\r\n") == std::string::npos, "a header stays on its line");
  }
  if (request.form == "text") {
    look_at_text(reply.body);
  } else {
    look_at_json(reply.body, field);
  }
}

}  // namespace
}  // namespace users::web

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = users::fuzz::view(data, size);
  users::web::Request request;
  request.request_id = "1";
  request.form = users::fuzz::take_line(rest);
  request.language = users::fuzz::take_line(rest);
  users::web::look_at(request, std::string(rest));
  return 0;
}
