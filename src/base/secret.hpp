// Values that must not leave the process: a buffer that cannot be copied or printed and is wiped,
// and a function to read one from a file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace users {

/// Owns secret bytes and wipes them on destruction. It can be moved but not copied or streamed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view value) : value_(value) {}
  /// Takes the bytes and wipes the source string.
  explicit Secret(std::string&& value) noexcept;
  Secret(Secret&& other) noexcept : Secret(std::move(other.value_)) {}
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  /// The bytes, for the one call that needs them. Valid while this object lives.
  [[nodiscard]] std::string_view reveal() const { return value_; }
  /// The same, NUL-terminated, for C interfaces.
  [[nodiscard]] const char* c_str() const { return value_.c_str(); }

 private:
  std::string value_;
};

/// Overwrites the string with zeros, which the compiler cannot optimise away, then empties it.
void wipe(std::string& value) noexcept;

/// Reads a secret from a file, without one trailing newline. Throws std::runtime_error if the file
/// is missing, empty, longer than 4096 bytes, not regular, or has a mode bit beyond 0600. The text
/// says what is wrong and what to do, but never contains the value.
Secret read_secret_file(const std::filesystem::path& file);

/// Keeps secrets out of core dumps and away from debuggers of the same user (PR_SET_DUMPABLE,
/// prctl(2)).
void forbid_core_dumps();

}  // namespace users
