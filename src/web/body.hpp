// The arguments in a request's body: JSON or a form.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "web/http.hpp"

namespace users::web {

/// The arguments are invalid; becomes code 1001 with these fields.
class InvalidArguments : public std::runtime_error {
 public:
  explicit InvalidArguments(std::vector<std::string> fields)
      : std::runtime_error("invalid arguments"), fields_(std::move(fields)) {}
  [[nodiscard]] const std::vector<std::string>& fields() const { return fields_; }

 private:
  std::vector<std::string> fields_;
};

/// Named arguments. In a form all values are text.
class Arguments {
 public:
  using Value = json::Scalar;

  Arguments() = default;
  Arguments(Arguments&&) = default;
  Arguments& operator=(Arguments&&) = default;
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  /// Wipes the values, since one may be a password.
  ~Arguments();

  /// Returns false if the name exists already.
  bool add(std::string name, Value&& value);

  /// Returns the texts of `names`, in order, as views into this object. Throws InvalidArguments
  /// with the names that are missing or not text.
  [[nodiscard]] std::vector<std::string_view> texts(
      std::initializer_list<std::string_view> names) const;

  /// As above, but appends the names to `bad`: in the busiest handler, throwing would cost a fourth
  /// of a request. If `bad` is not empty, do not use the result.
  std::vector<std::string_view> texts(std::initializer_list<std::string_view> names,
                                      std::vector<std::string>& bad) const;

  /// Returns the text of an optional name, nullopt if it is missing. Throws as texts() does if it
  /// is not text.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const;

  /// Returns true for true, or `true` or `1` in a form; false if it is missing, false, `false` or
  /// `0`. Throws InvalidArguments for anything else.
  [[nodiscard]] bool flag(std::string_view name) const;

 private:
  std::map<std::string, Value, std::less<>> values_;
};

/// Parses the body. It is JSON if its first character is `{` (curl -d sends that as a form) or its
/// type says so, else a form (application/x-www-form-urlencoded). Throws InvalidArguments with
/// field `body` if it is not UTF-8, contains a NUL, is nested more than 8 deep or cannot be parsed,
/// and with the name of a duplicate key. An empty body has no arguments.
Arguments parse_body(const Request& request);

}  // namespace users::web
