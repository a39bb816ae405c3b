// The functions of conf/send-sms/common.sh, and the example settings.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "sms/program.hpp"
#include "sms/signatures.hpp"

namespace users::test {
namespace {

/// What `script` prints after sourcing common.sh; its arguments are $1, $2, ...
std::string run(const std::string& script, std::string_view input = "",
                const std::vector<std::string>& arguments = {}) {
  const Ended ended =
      SendSms().bash("PROVIDER=test; source conf/send-sms/common.sh; " + script, input, arguments);
  BOOST_TEST(ended.status == 0, ended.errors);
  BOOST_TEST(ended.errors == "");
  return ended.output;
}

struct Hmac {
  std::string key;
  std::string message;
  std::string digest;
};

// RFC 4231, sections 4.2 to 4.8 without 4.6, which is truncated.
const Hmac kHmacs[] = {
    {std::string(20, '\x0b'), "Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {std::string(20, '\xaa'), std::string(50, '\xdd'),
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17"
     "\x18\x19",
     std::string(50, '\xcd'), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {std::string(131, '\xaa'),
     "This is a test using a larger than block-size key and a larger than block-size data. The key "
     "needs to be hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(common)

BOOST_AUTO_TEST_CASE(every_program_is_described_and_tested) {
  const std::string described = read_file("conf/send-sms/README.md");
  for (const auto& entry : std::filesystem::directory_iterator("conf/send-sms")) {
    const std::string name = entry.path().filename();
    if (contains(name, ".")) continue;
    BOOST_TEST(contains(described, "| " + name + " |"), "README.md does not describe " << name);
    const bool is_tested =
        name == "spool" || std::ranges::count(providers(), name, &Provider::name) == 1;
    BOOST_TEST(is_tested, "tests/sms/provider.cpp does not answer " << name);
  }
}

BOOST_AUTO_TEST_CASE(hmac_is_that_of_rfc_4231_and_right_for_keys_of_any_length) {
  for (const auto& [key, message, digest] : kHmacs) {
    BOOST_TEST(run("hmac_sha256 \"$1\"", message, {hex_of(key)}) == digest);
    BOOST_TEST(hex_of(hmac_sha256(key, message)) == digest);
  }
  for (const std::size_t length : {0, 1, 63, 64, 65, 200}) {
    std::string key;
    for (std::size_t i = 0; i < length; ++i) key += static_cast<char>(i * 7);
    BOOST_TEST(run("hmac_sha256 \"$1\"", "\n\nx\n", {hex_of(key)}) ==
               hex_of(hmac_sha256(key, "\n\nx\n")));
  }
}

BOOST_AUTO_TEST_CASE(every_byte_is_percent_encoded_as_rfc_3986_has_it) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string encoded = run("percent_encode \"$1\"", "", {all});
  BOOST_TEST(fields_of("x=" + encoded).at("x") == all);
  BOOST_TEST(run("percent_encode \"$1\"", "", {"aZ0-._~ *+&=/%é"}) ==
             "aZ0-._~%20%2A%2B%26%3D%2F%25%C3%A9");
}

BOOST_AUTO_TEST_CASE(json_is_written_and_read_alike) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& text : {all, std::string(R"("\\"n)"), std::string("验证码")}) {
    const std::string quoted = run("json_string \"$1\"", "", {text});
    const std::string inside = quoted.substr(1, quoted.size() - 2);
    BOOST_TEST(run("unescape \"$1\"; printf %s \"$UNESCAPED\"", "", {inside}) == text);
  }
  BOOST_TEST(run("json_string \"$1\"", "", {"a\"b\\c\n"}) == R"("a\"b\\c\u000a")");
}

// A value must not be taken for another member.
BOOST_AUTO_TEST_CASE(members_are_found_where_they_are) {
  const std::string text = R"({"code":"1","phone":"+1000000","id":9,)";
  BOOST_TEST(run("read_message; printf '%s|%s|%s' \"${MSG[code]}\" \"${MSG[id]}\" \"${MSG[text]}\"",
                 message_line({.text = text})) == std::string(kCode) + "|7|" + text);
}

BOOST_AUTO_TEST_CASE(the_example_has_every_key_and_its_default) {
  std::ifstream example("conf/send-sms/send-sms.conf.example");
  std::string uncommented;
  for (std::string line; std::getline(example, line);) {
    const auto equals = line.find(" = ");
    const bool is_key =
        line.starts_with("# ") && equals != std::string::npos && line.find(' ', 2) == equals;
    if (is_key) uncommented += line.substr(2) + "\n";
  }
  const SendSms programs;
  programs.configure(uncommented);
  const std::string script =
      "PROVIDER=test; source conf/send-sms/common.sh\n"
      "declare -A defaults; for key in \"${!SETTINGS[@]}\"; do defaults[$key]=${SETTINGS[$key]}; "
      "done\n"
      // a|b_(c|d) becomes {a,b_{c,d}}, which bash expands to all keys.
      "open='{' close='}' all=${KNOWN_KEYS//|/,}\n"
      "all=${all//(/$open}\n"
      "eval \"keys=({${all//)/$close}})\"\n"
      "((${#keys[@]} >= 20))\n"
      "load_settings \"${keys[@]}\" aliyun_template tencent_template\n"
      "for key in \"${!defaults[@]}\"; do [[ ${SETTINGS[$key]} == \"${defaults[$key]}\" ]]; done\n";
  const Ended ended = programs.bash(script);
  BOOST_TEST(ended.status == 0, ended.errors);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
