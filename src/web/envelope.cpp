#include "web/envelope.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace users::web {
namespace {

constexpr int kMostQuality = 1000;

std::string lower_without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t')
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

/// A weight `0`, `0.5`, `1.000` (RFC 9110 12.4.2) in thousandths; a broken one counts as 0.
int parse_quality(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  int quality = (text[0] - '0') * kMostQuality;
  if (text.size() == 1) return quality;
  if (text[1] != '.' || text.size() > 5) return 0;
  int unit = kMostQuality / 10;
  for (const char digit : text.substr(2)) {
    if (digit < '0' || digit > '9') return 0;
    quality += (digit - '0') * unit;
    unit /= 10;
  }
  return std::min(quality, kMostQuality);
}

/// Calls `visit(value, quality)` for every element of an Accept-like header, in order.
template <class Visit>
void for_each_preference(std::string_view header, Visit&& visit) {
  const std::string list = lower_without_blanks(header);
  for (std::size_t start = 0; start < list.size();) {
    const std::size_t comma = std::min(list.find(',', start), list.size());
    const std::string_view element = std::string_view(list).substr(start, comma - start);
    const auto semicolon = std::min(element.find(';'), element.size());
    const auto weight = element.find(";q=");
    visit(element.substr(0, semicolon),
          weight == std::string_view::npos
              ? kMostQuality
              : parse_quality(
                    element.substr(weight + 3, element.find(';', weight + 1) - weight - 3)));
    start = comma + 1;
  }
}

/// In the order of their names.
json::Object members_of(const Result& result, std::string_view message) {
  json::Object data = result.data;
  data.push_back({"code", static_cast<unsigned>(result.code)});
  data.push_back({"msg", message});
  if (result.code == ResultCode::invalid_arguments) {
    data.push_back({"fields", json::Array(result.fields.begin(), result.fields.end())});
  }
  if (result.retry_after > 0) data.push_back({"retry_after", result.retry_after});
  std::ranges::sort(data, {}, &json::Member::name);
  return data;
}

std::string render_json(const Result& result, std::string_view message) {
  // As a value inside another one it would be copied.
  return R"({"data":)" + json::text(members_of(result, message)) + "}";
}

/// A value on a line of its own: text without its control characters, a list of texts joined by
/// commas, anything else as JSON.
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

/// code and msg first, then the rest by name.
std::string render_text(const Result& result, std::string_view message) {
  std::string text = "code=" + std::to_string(static_cast<unsigned>(result.code)) +
                     "\nmsg=" + line_value(message) + "\n";
  for (const json::Member& member : members_of(result, message)) {
    if (member.name != "code" && member.name != "msg")
      text.append(member.name).append("=").append(line_value(member.value)).append("\n");
  }
  return text;
}

/// Those of the result, and what a 401 must name (RFC 9110 11.6.1): no browser asks its user for
/// this scheme.
void add_headers(Reply& reply, const Result& result) {
  if (reply.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (result.retry_after > 0) {
    reply.headers.emplace_back("Retry-After", std::to_string(result.retry_after));
  }
  reply.headers.insert(reply.headers.end(), result.headers.begin(), result.headers.end());
}

}  // namespace

bool prefers_chinese(std::string_view accept_language) {
  int chinese = -1;
  int other = -1;
  bool any = false;
  for_each_preference(accept_language, [&](std::string_view language, int quality) {
    if (language.empty()) return;
    any = any || language != "*";
    const bool is_chinese = language == "zh" || language.starts_with("zh-");
    // Of two equal ones the first counts, so a later one must be better.
    int& best = is_chinese ? chinese : other;
    if (is_chinese ? quality > std::max(chinese, other) : quality > other) best = quality;
  });
  return !any || (chinese > 0 && chinese >= other);
}

bool prefers_text(std::string_view accept) {
  int text = 0;
  int json = 0;
  for_each_preference(accept, [&](std::string_view type, int quality) {
    if (type == "text/plain" || type == "text/*") text = std::max(text, quality);
    if (type == "application/json" || type == "application/*") json = std::max(json, quality);
  });
  return text > json;
}

Reply render(const Result& result, const Request& request, bool always_200) {
  const ResultCodeRow& row = describe(result.code);
  const bool text = prefers_text(request.accept);
  const std::string content_type = result.document ? result.document->content_type
                                   : text          ? "text/plain; charset=utf-8"
                                                   : "application/json; charset=utf-8";
  const std::string_view message = prefers_chinese(request.accept_language) ? row.zh : row.en;
  const bool own_status = !always_200 || static_cast<int>(result.code) >= 9000;

  Reply reply;
  reply.status = own_status ? row.http_status : 200;
  if (result.bare) {
    if (result.code == ResultCode::ok) reply.status = 204;
    reply.headers = {{"Cache-Control", "no-store"}, {"X-Request-Id", request.request_id}};
    add_headers(reply, result);
    return reply;
  }
  reply.headers = {
      {"Content-Type", content_type},
      {"Cache-Control", "no-store"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Request-Id", request.request_id},
  };
  add_headers(reply, result);
  if (result.document) {
    reply.body = result.document->text;
  } else {
    reply.body = text ? render_text(result, message) : render_json(result, message);
  }
  return reply;
}

}  // namespace users::web
