#include "stream/mutation.hpp"

#include <algorithm>
#include <array>

namespace users::test {
namespace {

using fcgi::RecordType;

constexpr std::size_t kHeader = 8;

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

char random_byte(Random& random) {
  // Values where lengths and signs change, and one arbitrary value.
  constexpr std::array<unsigned char, 8> kEdges{0x00, 0x01, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF};
  const std::size_t choice = up_to(random, 2 * kEdges.size() - 1);
  const std::size_t value = choice < kEdges.size() ? kEdges[choice] : up_to(random, 0xFF);
  return static_cast<char>(static_cast<unsigned char>(value));
}

std::string random_bytes(Random& random, std::size_t most) {
  std::string bytes(1 + up_to(random, most - 1), '\0');
  for (char& byte : bytes) byte = random_byte(random);
  return bytes;
}

/// Mutations of a non-empty stream.
constexpr std::array<void (*)(std::string&, Random&), 7> kWounds{
    [](std::string& stream, Random& random) {  // flip a bit
      char& byte = stream[up_to(random, stream.size() - 1)];
      byte = static_cast<char>(byte_at({&byte, 1}, 0) ^ (1U << up_to(random, 7)));
    },
    [](std::string& stream, Random& random) {  // overwrite bytes
      const std::string bytes = random_bytes(random, 4);
      const std::size_t at = up_to(random, stream.size() - 1);
      stream.replace(at, std::min(bytes.size(), stream.size() - at), bytes);
    },
    [](std::string& stream, Random& random) {  // insert bytes
      stream.insert(up_to(random, stream.size()), random_bytes(random, 16));
    },
    [](std::string& stream, Random& random) {  // remove a part
      stream.erase(up_to(random, stream.size() - 1), 1 + up_to(random, 40));
    },
    [](std::string& stream, Random& random) {  // copy a part elsewhere
      const std::size_t from = up_to(random, stream.size() - 1);
      const std::string part = stream.substr(from, 1 + up_to(random, 80));
      stream.insert(up_to(random, stream.size()), part);
    },
    [](std::string& stream, Random& random) {  // cut off the end
      stream.resize(1 + up_to(random, stream.size() - 1));
    },
    [](std::string& stream, Random& random) {  // insert any record
      const auto type = static_cast<RecordType>(up_to(random, 12));
      const std::string content = random_bytes(random, 32);
      stream.insert(up_to(random, stream.size()),
                    fcgi::record(type, content, static_cast<std::uint16_t>(up_to(random, 0xFFFF))));
    }};

/// Adds parameters that nginx never sends.
void lie(fcgi::Request& request, Random& random) {
  switch (up_to(random, 3)) {
    case 0:
      request.parameters["CONTENT_LENGTH"] = std::to_string(up_to(random, 2 * request.body.size()));
      break;
    case 1:
      request.parameters.erase(
          std::next(request.parameters.begin(),
                    static_cast<std::ptrdiff_t>(up_to(random, request.parameters.size() - 1))));
      break;
    case 2:
      request.parameters["HTTP_AUTHORIZATION"] = "Bearer " + random_bytes(random, 300);
      break;
    default:
      request.body.resize(up_to(random, request.body.size()));
  }
}

/// The content of one kind of records up to the empty one; nullopt if that is missing.
std::optional<std::string> stream_of(std::string_view bytes, RecordType wanted) {
  std::string content;
  while (bytes.size() >= kHeader) {
    const std::size_t length = byte_at(bytes, 4) * 256U + byte_at(bytes, 5);
    const auto type = static_cast<RecordType>(byte_at(bytes, 1));
    const bool is_wanted = type == wanted;
    // libfcgi does not wait for the padding of a begin record, nor of the empty record that ends
    // the parameters: it starts a new read for the body.
    const bool is_read_without =
        type == RecordType::begin_request || (type == RecordType::parameters && length == 0);
    const std::size_t padding = is_read_without ? 0 : byte_at(bytes, 6);
    const std::size_t size = kHeader + length + padding;
    if (is_wanted && length == 0) return content;
    if (bytes.size() < kHeader + length) break;
    if (is_wanted) content += bytes.substr(kHeader, length);
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  return std::nullopt;
}

}  // namespace

std::size_t up_to(Random& random, std::size_t most) {
  return static_cast<std::size_t>(random() % (most + 1));
}

std::string mutated(const fcgi::Request& request, Random& random) {
  fcgi::Request told = request;
  if (up_to(random, 2) == 0) lie(told, random);
  std::string stream = fcgi::whole(told);
  for (std::size_t wounds = up_to(random, 4); wounds > 0 && !stream.empty(); --wounds) {
    kWounds[up_to(random, kWounds.size() - 1)](stream, random);
  }
  return stream;
}

std::optional<std::string> whole_body(std::string_view stream) {
  const auto parameters = stream_of(stream, RecordType::parameters);
  auto body = stream_of(stream, RecordType::standard_input);
  if (!parameters || !body) return std::nullopt;
  const auto told = fcgi::decode(*parameters);
  const auto length = std::ranges::find(told, "CONTENT_LENGTH", &decltype(told)::value_type::first);
  const bool is_true = length != told.end() && length->second == std::to_string(body->size());
  return is_true ? body : std::nullopt;
}

}  // namespace users::test
