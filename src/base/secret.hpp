// Values that must not leave the process: a buffer that cannot be copied, printed or left in
// memory, and the reading of one from a file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace users {

/// Owns secret bytes; wiped when it goes. Moves, never copies, and has no stream operator.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view value) : value_(value) {}
  /// Takes over the bytes; the string they came in is wiped.
  explicit Secret(std::string&& value) noexcept;
  Secret(Secret&& other) noexcept : Secret(std::move(other.value_)) {}
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  /// The bytes, for the one call that needs them. Valid as long as this object.
  [[nodiscard]] std::string_view reveal() const { return value_; }
  /// The same, ended by a NUL, for C interfaces.
  [[nodiscard]] const char* c_str() const { return value_.c_str(); }

 private:
  std::string value_;
};

/// Overwrites the string with zeros in a way the compiler keeps, then empties it.
void wipe(std::string& value) noexcept;

/// Reads a secret from a file; one trailing newline is dropped. Throws std::runtime_error whose
/// text says what is wrong (missing, empty, over 4096 bytes, not a regular file, or open to others:
/// any mode bit beyond 0600) and what to do, never the value.
Secret read_secret_file(const std::filesystem::path& file);

/// Keeps secrets out of core dumps and away from debuggers of the same user (PR_SET_DUMPABLE,
/// prctl(2)).
void forbid_core_dumps();

}  // namespace users
