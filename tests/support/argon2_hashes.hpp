// Hashes of "correct horse 42" by argon2's reference implementation.
#pragma once

#include <string>
#include <vector>

namespace users::test {

/// With the default costs of Django, argon2-cffi, PHP and libsodium.
inline const std::vector<std::string> kHashesOfOtherSystems = {
    "$argon2id$v=19$m=102400,t=2,p=8$YWJjZGVmZ2hpamtsbW5vcHFyc3R1dg$"
    "PFJmvQU5hdbFx5tQzvaW6/VOfRMEfX7OyG7Ycfyp8qU",
    "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$"
    "fcxg8bazWR3zjJWElsCwxxNkptqmdaZ6HjseXL0devE",
    "$argon2id$v=19$m=65536,t=4,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
    "kBf1Be/e5JO63SE6PRwa6Fdo3kqkKOWI37kwoZ3VOIk",
    "$argon2id$v=19$m=65536,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
    "XbqgFqr8D/NBqYagW0z1Zpe5KVpmWQwsXHPW9TC/Ruo"};

}  // namespace users::test
