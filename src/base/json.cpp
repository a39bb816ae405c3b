#include "base/json.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "base/secret.hpp"
#include "base/text.hpp"

namespace users::json {
namespace {

using Library = nlohmann::ordered_json;

constexpr std::size_t kDeepest = 8;

/// Appends values; a tree of the library's would copy them all.
struct Writer {
  std::string& out;

  void operator()(std::nullptr_t) const { out += "null"; }
  void operator()(bool truth) const { out += truth ? "true" : "false"; }
  void operator()(std::uint64_t number) const { out += std::to_string(number); }
  void operator()(std::int64_t number) const { out += std::to_string(number); }
  void operator()(const std::string& text) const {
    const bool is_plain = std::ranges::all_of(
        text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
    if (is_plain) {
      out.append("\"").append(text).append("\"");
    } else {
      out += Library(text).dump(-1, ' ', false, Library::error_handler_t::replace);
    }
  }
  void operator()(const Array& items) const {
    out += '[';
    for (const Value& item : items) {
      if (&item != items.data()) out += ',';
      std::visit(*this, item.content);
    }
    out += ']';
  }
  void operator()(const Object& members) const {
    out += '{';
    for (const Member& member : members) {
      if (&member != members.data()) out += ',';
      (*this)(member.name);
      out += ':';
      std::visit(*this, member.value.content);
    }
    out += '}';
  }
};

/// Receives the parser's events and passes on the members of the outermost object. Stops at the
/// first error, so that depth and size cost no more than what was read.
class MemberCollector : public nlohmann::json_sax<nlohmann::json> {
 public:
  using Keep = std::function<void(std::string&&, Scalar&&)>;
  explicit MemberCollector(const Keep& keep) : keep_(keep) {}

  bool null() override { return keep(Other{}); }
  bool boolean(bool value) override { return keep(value); }
  bool number_integer(number_integer_t) override { return keep(Other{}); }
  bool number_unsigned(number_unsigned_t) override { return keep(Other{}); }
  bool number_float(number_float_t, const string_t&) override { return keep(Other{}); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& value) override {
    if (value.find('\0') == string_t::npos) return keep(std::move(value));
    wipe(value);
    return fail(keys_.size() == 1 ? member_ : "");
  }
  bool start_object(std::size_t) override {
    if (!keys_.empty() && !keep(Other{})) return false;
    return enter();
  }
  bool start_array(std::size_t) override {
    if (keys_.empty() || !keep(Other{})) return false;
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

  /// See read_members().
  [[nodiscard]] std::string& bad_member() { return bad_member_; }

 private:
  /// Keeps only values of the outermost object; deeper values belong to members that nobody reads.
  bool keep(Scalar&& value) {
    if (keys_.empty()) return false;
    if (keys_.size() == 1) keep_(std::move(member_), std::move(value));
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
  bool fail(std::string member) {
    bad_member_ = std::move(member);
    return false;
  }

  const Keep& keep_;
  std::vector<std::set<std::string>> keys_;  // keys of each open object; empty for an array
  std::string member_;
  std::string bad_member_;
};

}  // namespace

std::optional<std::string> read_members(std::string_view text,
                                        const std::function<void(std::string&&, Scalar&&)>& keep) {
  MemberCollector collector(keep);
  if (nlohmann::json::sax_parse(text, &collector)) return std::nullopt;
  return std::move(collector.bad_member());
}

// Defined here because they need the complete type Member.
Value::Value(std::nullptr_t) {}
Value::Value(bool truth) : content(truth) {}
Value::Value(unsigned number) : content(std::uint64_t{number}) {}
Value::Value(std::uint64_t number) : content(number) {}
Value::Value(std::int64_t number) : content(number) {}
Value::Value(std::string text) : content(std::move(text)) {}
Value::Value(std::string_view text) : content(std::string(text)) {}
Value::Value(const char* text) : content(std::string(text)) {}
Value::Value(const std::optional<std::string>& text) {
  if (text) content = *text;
}
Value::Value(Array items) : content(std::move(items)) {}
Value::Value(Object members) : content(std::move(members)) {}

Array array_of(std::string_view text, char separator) {
  if (text.empty()) return {};
  const auto parts = split(text, separator);
  return {parts.begin(), parts.end()};
}

std::string text(const Value& value) {
  std::string out;
  std::visit(Writer{out}, value.content);
  return out;
}

std::string ascii_text(const Value& value) {
  constexpr int kIndent = 2;
  constexpr bool kOnlyAscii = true;
  return Library::parse(text(value)).dump(kIndent, ' ', kOnlyAscii);
}

}  // namespace users::json
