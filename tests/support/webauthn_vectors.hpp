// The W3C's test vectors of WebAuthn Level 3, by name and field.
#pragma once

#include <fstream>
#include <map>
#include <string>

namespace users::test {

using WebauthnVector = std::map<std::string, std::string>;

/// Reads them from the folder of the source; empty if it is not the current one.
inline std::map<std::string, WebauthnVector> read_webauthn_vectors() {
  std::ifstream file("tests/unit/webauthn_vectors.tsv");
  std::map<std::string, WebauthnVector> vectors;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    std::string& bytes = vectors[line.substr(0, first)][line.substr(first + 1, second - first - 1)];
    for (std::size_t i = second + 1; i + 1 < line.size(); i += 2) {
      bytes.push_back(static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16)));
    }
  }
  return vectors;
}

}  // namespace users::test
