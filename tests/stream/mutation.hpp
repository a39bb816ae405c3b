// Creates FastCGI streams that are almost valid, and reads a stream strictly.
#pragma once

#include <optional>
#include <random>
#include <string>

#include "support/fcgi_client.hpp"

namespace users::test {

using Random = std::mt19937_64;

/// A random number from 0 to `most`.
std::size_t up_to(Random& random, std::size_t most);

/// A complete stream with a few mutations: bits, bytes, lengths, parts lost, repeated or moved, an
/// early end.
std::string mutated(const fcgi::Request& request, Random& random);

/// The body of the first request in the stream if it is complete: parameters and body each end with
/// an empty record, and CONTENT_LENGTH is right. Otherwise nullopt.
std::optional<std::string> whole_body(std::string_view stream);

}  // namespace users::test
