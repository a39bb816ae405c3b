// Each file of tests/stack/cases is one request and its reply, and a test case of the same name;
// see the README there. Those that HTTP/2 can express also run over it, on a site with its own
// settings.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "support/foreign_site.hpp"
#include "support/nginx_site.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

namespace fs = std::filesystem;

/// First line, headers and body of a request or a reply.
struct Message {
  std::string start;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto same = [&](const auto& header) {
      return std::ranges::equal(header.first, name,
                                [](char a, char b) { return std::tolower(a) == std::tolower(b); });
    };
    const auto found = std::ranges::find_if(headers, same);
    return found == headers.end() ? "" : found->second;
  }
};

Message parse(const std::string& text) {
  Message message;
  std::istringstream lines(text);
  std::getline(lines, message.start);
  for (std::string line; std::getline(lines, line) && !line.empty();) {
    const auto colon = line.find(':');
    const auto value = line.find_first_not_of(' ', colon + 1);
    message.headers.emplace_back(line.substr(0, colon),
                                 value == std::string::npos ? "" : line.substr(value));
  }
  std::ostringstream rest;
  if (lines) rest << lines.rdbuf();
  message.body = rest.str();
  return message;
}

/// Replaces @PHONE@ by an unused phone and @x*1000@ by a thousand x.
std::string fill_in(std::string text) {
  const std::string phone = fresh_phone();
  for (auto open = text.find('@'); open != std::string::npos; open = text.find('@', open)) {
    const auto close = text.find('@', open + 1);
    const std::string what = text.substr(open + 1, close - open - 1);
    const auto star = what.rfind('*');
    std::string filled = star == std::string::npos ? phone : "";
    if (star != std::string::npos) {
      for (int i = std::stoi(what.substr(star + 1)); i > 0; --i) filled += what.substr(0, star);
    }
    text.replace(open, close - open + 1, filled);
    open += filled.size();
  }
  return text;
}

std::string chunked(const std::string& body) {
  constexpr std::size_t kChunk = 7;
  std::ostringstream chunks;
  for (std::size_t at = 0; at < body.size(); at += kChunk) {
    const std::string chunk = body.substr(at, kChunk);
    chunks << std::hex << chunk.size() << "\r\n" << chunk << "\r\n";
  }
  chunks << "0\r\n\r\n";
  return chunks.str();
}

/// Adds the headers that every client sends.
std::string on_the_wire(const Message& request) {
  std::string bytes = request.start + "\r\nHost: site.test\r\nConnection: close\r\n" +
                      "X-Test-Address: 127.0.0.1\r\n";
  for (const auto& [name, value] : request.headers) bytes += name + ": " + value + "\r\n";
  if (!request.header("transfer-encoding").empty()) return bytes + "\r\n" + chunked(request.body);
  if (!request.body.empty()) {
    bytes += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return bytes + "\r\n" + request.body;
}

/// Removes interim replies (100 Continue).
Message final_reply(std::string bytes) {
  std::erase(bytes, '\r');
  if (bytes.starts_with("HTTP/1.1 100 ")) bytes.erase(0, bytes.find("\n\n") + 2);
  return parse(bytes);
}

struct Case {
  Message request;
  Message expected;
};

constexpr std::string_view kHttp1Only = "# HTTP/1:";

std::string read(const fs::path& file) {
  std::ostringstream content;
  content << std::ifstream(file).rdbuf();
  return content.str();
}

Case read_case(const fs::path& file) {
  std::string text = read(file);
  while (text.starts_with('#')) text.erase(0, text.find('\n') + 1);
  constexpr std::string_view kBetween = "\n---\n";
  const auto middle = text.find(kBetween);
  if (middle == std::string::npos) {
    throw std::runtime_error(file.string() + ": a request, a line ---, a reply");
  }
  return {parse(fill_in(text.substr(0, middle))), parse(text.substr(middle + kBetween.size()))};
}

void run(const fs::path& file) {
  const auto [request, expected] = read_case(file);
  const Message reply = final_reply(send_raw(base_url(), on_the_wire(request)));
  BOOST_TEST(reply.start == expected.start);
  for (const auto& [name, value] : expected.headers) {
    BOOST_TEST(reply.header(name) == value, name << ": " << reply.header(name));
  }
  BOOST_TEST(reply.body + "\n" == expected.body);
}

/// Converts a request for curl, without curl's own headers.
HttpRequest for_curl(const Message& request) {
  static int address = 0;
  const auto method_end = request.start.find(' ');
  HttpRequest asked{
      .method = request.start.substr(0, method_end),
      .path = request.start.substr(method_end + 1, request.start.rfind(' ') - method_end - 1),
      .body = request.body,
      .headers = {}};
  for (const auto& [name, value] : request.headers) {
    asked.headers.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
  for (const char* name : {"Accept", "Content-Type"}) {
    const bool there = std::ranges::any_of(
        request.headers, [&](const auto& header) { return header.first == name; });
    if (!there) asked.headers.push_back(std::string(name) + ":");
  }
  // Each from its own address, because of the site's limits; health is only for the site itself.
  if (!asked.path.starts_with("/users/health")) {
    asked.source_address = "127.0.1." + std::to_string(++address);
  }
  return asked;
}

void run_by_http2(const fs::path& file) {
  static const NginxSite site{kForeignSite};
  const auto [request, expected] = read_case(file);
  const HttpReply reply = send(site.secure(), for_curl(request));
  BOOST_TEST("HTTP/1.1 " + std::to_string(reply.status) ==
             expected.start.substr(0, expected.start.rfind(' ', 13)));
  for (auto [name, value] : expected.headers) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    BOOST_TEST(reply.header(name) == value, name << ": " << reply.header(name));
  }
  BOOST_TEST(reply.body + "\n" == expected.body);
}

std::vector<fs::path> files() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator("tests/stack/cases")) {
    if (entry.path().extension() == ".case") found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

std::vector<fs::path> files_for_http2() {
  std::vector<fs::path> found = files();
  std::erase_if(found, [](const fs::path& file) { return read(file).starts_with(kHttp1Only); });
  return found;
}

int add_cases(const std::vector<fs::path>& of_files, void (*test)(const fs::path&)) {
  for (const fs::path& file : of_files) {
    boost::unit_test::framework::current_auto_test_suite().add(boost::unit_test::make_test_case(
        [file, test] { test(file); }, file.stem().string(), file.string(), 1));
  }
  return static_cast<int>(of_files.size());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cases)

const int kAdded = add_cases(files(), run);

BOOST_AUTO_TEST_CASE(there_are_some) {
  BOOST_TEST(kAdded > 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(cases_by_http2)

const int kAddedByHttp2 = add_cases(files_for_http2(), run_by_http2);

BOOST_AUTO_TEST_CASE(there_are_some) {
  BOOST_TEST(kAddedByHttp2 > cases::kAdded / 2);
}

BOOST_AUTO_TEST_SUITE_END()
