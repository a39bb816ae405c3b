// FastCGI byte streams that are nearly right, and what a stream holds when it is read strictly.
#pragma once

#include <optional>
#include <random>
#include <string>

#include "support/fcgi_client.hpp"

namespace users::test {

using Random = std::mt19937_64;

/// A number from 0 to `most`.
std::size_t up_to(Random& random, std::size_t most);

/// A whole stream with a few lies and wounds: bits, bytes, lengths, parts lost, doubled or in
/// another order, an end too early.
std::string mutated(const fcgi::Request& request, Random& random);

/// The body of the first request in the stream, where it stands there whole: parameters and body
/// ended each by an empty record, and CONTENT_LENGTH true. Nothing otherwise.
std::optional<std::string> whole_body(std::string_view stream);

}  // namespace users::test
