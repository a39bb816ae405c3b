#include "web/body.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include <nlohmann/json.hpp>
#include <strings.h>

#include "base/secret.hpp"
#include "base/text.hpp"

namespace users::web {
namespace {

constexpr std::size_t kDeepest = 8;

[[noreturn]] void refuse(std::string field) {
  throw InvalidArguments({std::move(field)});
}

/// Receives the parser's events and keeps the members of the outermost object. Stops at the first
/// error, so that depth and size cost no more than what was read.
class MemberCollector : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit MemberCollector(Arguments& arguments) : arguments_(arguments) {}

  bool null() override { return keep(Arguments::Other{}); }
  bool boolean(bool value) override { return keep(value); }
  bool number_integer(number_integer_t) override { return keep(Arguments::Other{}); }
  bool number_unsigned(number_unsigned_t) override { return keep(Arguments::Other{}); }
  bool number_float(number_float_t, const string_t&) override { return keep(Arguments::Other{}); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& value) override {
    if (value.find('\0') == string_t::npos) return keep(std::move(value));
    wipe(value);
    return fail(keys_.size() == 1 ? member_ : "body");
  }
  bool start_object(std::size_t) override {
    if (!keys_.empty() && !keep(Arguments::Other{})) return false;
    return enter();
  }
  bool start_array(std::size_t) override {
    if (keys_.empty() || !keep(Arguments::Other{})) return false;
    return enter();
  }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) return fail(name);
    if (keys_.size() == 1) member_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  /// The field to report if parsing stopped early.
  [[nodiscard]] const std::string& bad_field() const { return bad_field_; }

 private:
  /// Keeps only values of the outermost object; deeper values belong to members that nobody reads.
  bool keep(Arguments::Value&& value) {
    if (keys_.empty()) return false;
    if (keys_.size() == 1) arguments_.add(member_, std::move(value));
    return true;
  }
  bool enter() {
    keys_.emplace_back();
    return keys_.size() <= kDeepest;
  }
  bool leave() {
    keys_.pop_back();
    return true;
  }
  bool fail(std::string field) {
    bad_field_ = std::move(field);
    return false;
  }

  Arguments& arguments_;
  std::vector<std::set<std::string>> keys_;  // keys of each open object; empty for an array
  std::string member_;
  std::string bad_field_ = "body";
};

Arguments parse_json(std::string_view body) {
  Arguments arguments;
  MemberCollector collector(arguments);
  if (!nlohmann::json::sax_parse(body, &collector)) refuse(collector.bad_field());
  return arguments;
}

/// application/x-www-form-urlencoded (WHATWG URL), but refuses a bad escape instead of keeping it.
std::string decode_form(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      unsigned char byte = 0;
      const std::string_view digits = text.substr(i + 1, 2);
      const char* end = digits.data() + digits.size();
      if (digits.size() < 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end) {
        refuse("body");
      }
      decoded += static_cast<char>(byte);
      i += 2;
    }
  }
  if (!is_text(decoded)) refuse("body");
  return decoded;
}

Arguments parse_form(std::string_view body) {
  Arguments arguments;
  while (!body.empty()) {
    const auto pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(pair.size() + 1, body.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    std::string name = decode_form(pair.substr(0, equals));
    std::string value = decode_form(pair.substr(std::min(equals + 1, pair.size())));
    if (!arguments.add(name, std::move(value))) refuse(std::move(name));
  }
  return arguments;
}

}  // namespace

Arguments::~Arguments() {
  for (auto& [name, value] : values_) {
    if (auto* text = std::get_if<std::string>(&value)) wipe(*text);
  }
}

bool Arguments::add(std::string name, Value&& value) {
  return values_.try_emplace(std::move(name), std::move(value)).second;
}

std::vector<std::string_view> Arguments::texts(std::initializer_list<std::string_view> names,
                                               std::vector<std::string>& bad) const {
  std::vector<std::string_view> texts;
  texts.reserve(names.size());
  for (const std::string_view name : names) {
    const auto found = values_.find(name);
    const auto* text = found == values_.end() ? nullptr : std::get_if<std::string>(&found->second);
    if (text == nullptr) {
      bad.emplace_back(name);
    } else {
      texts.emplace_back(*text);
    }
  }
  return texts;
}

std::vector<std::string_view> Arguments::texts(
    std::initializer_list<std::string_view> names) const {
  std::vector<std::string> bad;
  std::vector<std::string_view> found = texts(names, bad);
  if (!bad.empty()) throw InvalidArguments(std::move(bad));
  return found;
}

std::optional<std::string_view> Arguments::text(std::string_view name) const {
  if (!values_.contains(name)) return std::nullopt;
  return texts({name}).front();
}

bool Arguments::flag(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return false;
  if (const auto* truth = std::get_if<bool>(&found->second)) return *truth;
  const auto word = texts({name}).front();
  if (word == "true" || word == "1") return true;
  if (word == "false" || word == "0") return false;
  refuse(std::string(name));
}

Arguments parse_body(const Request& request) {
  if (request.body_state == BodyState::damaged) refuse("body");
  if (!request.content_encoding.empty() && request.content_encoding != "identity") refuse("body");
  std::string_view body = request.body;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  // The JSON parser treats a NUL as the end of input.
  if (body.find('\0') != std::string_view::npos) refuse("body");
  const auto first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  constexpr std::string_view kJson = "application/json";
  const bool says_json =
      ::strncasecmp(request.content_type.c_str(), kJson.data(), kJson.size()) == 0;
  return body[first] == '{' || says_json ? parse_json(body) : parse_form(body);
}

}  // namespace users::web
