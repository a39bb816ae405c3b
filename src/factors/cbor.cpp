#include "factors/cbor.hpp"

#include <limits>

#include "base/text.hpp"

namespace users::cbor {
namespace {

constexpr unsigned kDeepest = 4;

}  // namespace

std::string_view Reader::take(std::uint64_t size) {
  if (size > rest_.size()) throw Malformed("truncated");
  const auto taken = rest_.substr(0, static_cast<std::size_t>(size));
  rest_.remove_prefix(taken.size());
  return taken;
}

std::uint64_t Reader::argument(unsigned information) {
  constexpr unsigned kOneByte = 24;
  constexpr unsigned kEightBytes = 27;
  if (information < kOneByte) return information;
  if (information > kEightBytes) throw Malformed("indefinite length");
  const std::size_t size = std::size_t{1} << (information - kOneByte);
  std::uint64_t value = 0;
  for (const char c : take(size)) value = (value << 8U) | static_cast<unsigned char>(c);
  // The least value that does not fit half as many bytes.
  const std::uint64_t least = size == 1 ? kOneByte : std::uint64_t{1} << (size * 4);
  if (value < least) throw Malformed("not the shortest form");
  return value;
}

Reader::Head Reader::head() {
  const auto first = static_cast<unsigned char>(take(1)[0]);
  const auto type = static_cast<Type>(first >> 5U);
  const unsigned information = first & 0x1FU;
  if (type == Type::tag) throw Malformed("tag");
  if (type != Type::other) return {type, argument(information)};
  // false, true, null, or a number of 2, 4 or 8 bytes.
  constexpr unsigned kFalse = 20;
  constexpr unsigned kNull = 22;
  constexpr unsigned kHalf = 25;
  constexpr unsigned kDouble = 27;
  if (information >= kHalf && information <= kDouble) {
    take(std::size_t{1} << (information - kHalf + 1));
  } else if (information < kFalse || information > kNull) {
    throw Malformed("simple value");
  }
  return {type, information};
}

std::int64_t Reader::integer() {
  const Head item = head();
  if (item.type != Type::number && item.type != Type::negative) throw Malformed("not an integer");
  if (item.value > std::numeric_limits<std::int64_t>::max()) throw Malformed("integer too large");
  const auto value = static_cast<std::int64_t>(item.value);
  return item.type == Type::number ? value : -1 - value;
}

std::string_view Reader::string(Type type) {
  const Head item = head();
  if (item.type != type) throw Malformed("another type than expected");
  const std::string_view content = take(item.value);
  if (type == Type::text && !is_text(content)) throw Malformed("text that is not UTF-8");
  return content;
}

std::string_view Reader::bytes() {
  return string(Type::bytes);
}

std::string_view Reader::text() {
  return string(Type::text);
}

std::size_t Reader::map() {
  const Head item = head();
  if (item.type != Type::map) throw Malformed("not a map");
  if (item.value > rest_.size() / 2) throw Malformed("truncated");
  return static_cast<std::size_t>(item.value);
}

void Reader::skip() {
  skip(kDeepest);
}

void Reader::skip(unsigned levels) {
  const Reader before = *this;
  const Head item = head();
  if (item.type == Type::bytes || item.type == Type::text) {
    rest_ = before.rest_;
    string(item.type);
  } else if (item.type == Type::array || item.type == Type::map) {
    if (levels == 0) throw Malformed("nested too deep");
    // Each item takes a byte at least.
    if (item.value > rest_.size()) throw Malformed("truncated");
    const std::uint64_t items = item.type == Type::map ? 2 * item.value : item.value;
    for (std::uint64_t i = 0; i < items; ++i) skip(levels - 1);
  }
}

}  // namespace users::cbor
