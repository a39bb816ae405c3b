// Reads CBOR (RFC 8949) as authenticators write it: definite lengths and shortest forms, no tags
// (CTAP 2.2, section 8). Allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace users::cbor {

/// The bytes are not well-formed, or the next item is of another type.
class Malformed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads one item after another. Every function that reads throws Malformed.
class Reader {
 public:
  /// The results are views of `bytes`.
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  /// What has not been read yet.
  [[nodiscard]] std::string_view rest() const { return rest_; }

  std::int64_t integer();
  std::string_view bytes();
  std::string_view text();  ///< UTF-8
  /// Returns the number of pairs that follow, a key and a value each.
  std::size_t map();
  /// Skips one item, nested at most four deep.
  void skip();

 private:
  enum class Type : unsigned char { number, negative, bytes, text, array, map, tag, other };
  struct Head {
    Type type;
    std::uint64_t value;  ///< a number, a length, or a count
  };
  Head head();
  std::uint64_t argument(unsigned information);
  std::string_view take(std::uint64_t size);
  std::string_view string(Type type);
  void skip(unsigned levels);

  std::string_view rest_;
};

}  // namespace users::cbor
