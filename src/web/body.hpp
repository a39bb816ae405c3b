// The arguments in a request's body, from JSON or a form.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "web/http.hpp"

namespace users::web {

/// The request's arguments cannot be used; becomes code 1001 with these fields.
class InvalidArguments : public std::runtime_error {
 public:
  explicit InvalidArguments(std::vector<std::string> fields)
      : std::runtime_error("invalid arguments"), fields_(std::move(fields)) {}
  [[nodiscard]] const std::vector<std::string>& fields() const { return fields_; }

 private:
  std::vector<std::string> fields_;
};

/// Named arguments. In a form every value is text.
class Arguments {
 public:
  /// A JSON value that is neither text nor true/false.
  struct Other {};
  using Value = std::variant<std::string, bool, Other>;

  Arguments() = default;
  Arguments(Arguments&&) = default;
  Arguments& operator=(Arguments&&) = default;
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  /// Wipes the values: a password is among them.
  ~Arguments();

  /// False where the name is there already.
  bool add(std::string name, Value&& value);

  /// The texts of `names`, in their order; views into this object. Throws InvalidArguments with the
  /// names of all that are missing or no text.
  [[nodiscard]] std::vector<std::string_view> texts(
      std::initializer_list<std::string_view> names) const;

  /// As above, for the busiest handler: appends the names to `bad` instead of throwing, which would
  /// cost a fourth of a request. Of no use where `bad` is not empty.
  std::vector<std::string_view> texts(std::initializer_list<std::string_view> names,
                                      std::vector<std::string>& bad) const;

  /// The text of a name that may be missing; nothing then. Throws as texts() does where it is no
  /// text.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const;

  /// True where the name is there as true, or as text `true` or `1` in a form; false where it is
  /// missing, or says `false` or `0`. Throws InvalidArguments for anything else.
  [[nodiscard]] bool flag(std::string_view name) const;

 private:
  std::map<std::string, Value, std::less<>> values_;
};

/// Reads the body. It is JSON where its first character is `{` (curl -d sends that as a form) or
/// its type says so, else a form (application/x-www-form-urlencoded). Throws InvalidArguments with
/// field `body` where it is no UTF-8, holds a NUL, is nested more than 8 deep or cannot be parsed,
/// and with the name of a key that is there twice. No body at all has no arguments.
Arguments parse_body(const Request& request);

}  // namespace users::web
