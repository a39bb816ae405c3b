// Reads the lines of an import: none is lost or cut, and no line leaks into the next.
#include <boost/test/unit_test.hpp>
#include <sys/stat.h>

#include "import/file.hpp"
#include "support/temporary_directory.hpp"

using namespace users;
using namespace users::test;

namespace {

using Lines = std::vector<std::string>;

struct Fixture {
  TemporaryDirectory directory;

  /// Reads the file twice; returns `number:text` with a mark for each kind of fault.
  [[nodiscard]] Lines lines(const std::string& content) const {
    ImportFile file(directory.write("file", content));
    Lines all;
    while (file.next()) {
    }
    file.rewind();
    while (const auto line = file.next()) {
      const std::string_view fault = line->fault == nullptr ? "" : line->fault;
      all.push_back(std::to_string(line->number) + ":" + std::string(line->text));
      if (fault.starts_with("the line is longer")) all.back() += "!";
      if (fault.starts_with("the last line has no end")) all.back() += "?";
      if (fault.starts_with("the line end differs")) all.back() += "~";
    }
    return all;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(import_file, Fixture)

BOOST_AUTO_TEST_CASE(lines_are_numbered_and_come_without_what_is_not_theirs) {
  const std::pair<std::string, Lines> files[] = {
      {"", {}},
      {"\n\n", {}},
      {"a\n\nb\n\n\n", {"1:a", "3:b"}},
      {"a\nb", {"1:a", "2:b?"}},
      {"b", {"1:b?"}},
      {"\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo\n", {"1:one", "2:\xEF\xBB\xBFtwo"}},
      {"a\r\nb\r\n\r\nc\r\n", {"1:a", "2:b", "4:c"}},
      {"a\r\nb\nc\r\n", {"1:a", "2:b~", "3:c"}},
      {"a\nb\r\nc\n", {"1:a", "2:b\r~", "3:c"}},
      {std::string("a\0b\n", 4), {std::string("1:a\0b", 5)}}};
  for (const auto& [content, expected] : files) BOOST_TEST(lines(content) == expected, content);
}

BOOST_AUTO_TEST_CASE(a_line_may_be_as_long_as_the_bound_and_no_longer) {
  constexpr std::size_t kBound = ImportFile::kLongestLine;
  const std::string longest(kBound, 'x');
  BOOST_TEST((lines("a\n" + longest + "\nb\n") == Lines{"1:a", "2:" + longest, "3:b"}));
  for (const std::size_t more : {std::size_t{1}, kBound, 4 * kBound - 1, 4 * kBound, 9 * kBound}) {
    const std::string too_long(kBound + more, 'x');
    BOOST_TEST(lines("a\n" + too_long + "\nb\n") == (Lines{"1:a", "2:!", "3:b"}));
    BOOST_TEST(lines("a\n" + too_long) == (Lines{"1:a", "2:!"}));
  }
}

BOOST_AUTO_TEST_CASE(lines_across_the_ends_of_the_buffer_are_whole) {
  std::string content;
  Lines expected;
  for (std::size_t i = 1; i <= 3000; ++i) {
    const std::string text = std::to_string(i) + std::string(i % 211, 'y');
    content += text + "\n";
    expected.push_back(std::to_string(i) + ":" + text);
  }
  BOOST_TEST((lines(content) == expected));
}

BOOST_AUTO_TEST_CASE(only_a_regular_file_will_do) {
  const auto pipe = directory.path() / "pipe";
  BOOST_TEST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& name : {std::string("/dev/null"), directory.path().string(),
                                  (directory.path() / "missing").string(), pipe.string()}) {
    BOOST_CHECK_THROW(ImportFile{name}, ImportRefused);
  }
}

BOOST_AUTO_TEST_SUITE_END()
