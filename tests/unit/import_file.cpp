// Lines of an import: all of them, none cut silently, nothing kept from one to the next.
#include <fstream>

#include <boost/test/unit_test.hpp>
#include <sys/stat.h>

#include "import/file.hpp"
#include "support/temporary_directory.hpp"

using namespace users;
using namespace users::test;

namespace {

struct Fixture {
  TemporaryDirectory directory;

  /// `number:text`, with `!` for one too long and `?` for one cut off.
  [[nodiscard]] std::vector<std::string> lines(const std::string& content) const {
    const ImportFile file(directory.write("file", content));
    LineReader reader(file);
    std::vector<std::string> all;
    while (const auto line = reader.next()) {
      std::string text = std::to_string(line->number) + ":" + std::string(line->text);
      if (line->state == LineState::too_long) text += "!";
      if (line->state == LineState::cut_off) text += "?";
      if (line->state == LineState::other_end) text += "~";
      all.push_back(text);
    }
    return all;
  }
};

using Lines = std::vector<std::string>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(import_file, Fixture)

BOOST_AUTO_TEST_CASE(empty_lines_are_counted_and_left_out) {
  BOOST_TEST(lines("a\n\nb\n\n\n") == (Lines{"1:a", "3:b"}));
  BOOST_TEST(lines("").empty());
  BOOST_TEST(lines("\n\n").empty());
}

BOOST_AUTO_TEST_CASE(a_last_line_without_end_is_told) {
  BOOST_TEST(lines("a\nb") == (Lines{"1:a", "2:b?"}));
  BOOST_TEST(lines("b") == (Lines{"1:b?"}));
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_is_dropped_at_the_start_only) {
  BOOST_TEST(lines("\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo\n") == (Lines{"1:one", "2:\xEF\xBB\xBFtwo"}));
}

BOOST_AUTO_TEST_CASE(carriage_returns_are_dropped_where_the_first_line_has_one) {
  BOOST_TEST(lines("a\r\nb\r\n\r\nc\r\n") == (Lines{"1:a", "2:b", "4:c"}));
  BOOST_TEST(lines("a\r\nb\nc\r\n") == (Lines{"1:a", "2:b~", "3:c"}));
  BOOST_TEST(lines("a\nb\r\nc\n") == (Lines{"1:a", "2:b\r~", "3:c"}));
}

BOOST_AUTO_TEST_CASE(a_line_may_be_as_long_as_the_bound_and_no_longer) {
  constexpr std::size_t kBound = LineReader::kLongestLine;
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

BOOST_AUTO_TEST_CASE(a_nul_is_a_byte_like_any_other) {
  const auto got = lines(std::string("a\0b\n", 4));
  BOOST_TEST_REQUIRE(got.size() == 1U);
  BOOST_TEST((got[0] == std::string("1:a\0b", 5)));
}

BOOST_AUTO_TEST_CASE(only_a_regular_file_will_do) {
  for (const std::string& name : {std::string("/dev/null"), directory.path().string(),
                                  (directory.path() / "missing").string()}) {
    BOOST_CHECK_THROW(ImportFile{name}, ImportRefused);
  }
  const auto pipe = directory.path() / "pipe";
  BOOST_TEST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  BOOST_CHECK_THROW(ImportFile{pipe}, ImportRefused);
}

BOOST_AUTO_TEST_CASE(a_file_that_was_written_to_is_noticed) {
  const auto path = directory.write("file", "a\n");
  const ImportFile file(path);
  BOOST_CHECK_NO_THROW(file.require_unchanged());
  std::ofstream(path, std::ios::app) << "b\n";
  BOOST_CHECK_THROW(file.require_unchanged(), ImportRefused);
}

BOOST_AUTO_TEST_CASE(a_file_that_others_may_read_is_noticed) {
  const auto path = directory.write("file", "a\n");
  BOOST_TEST(!ImportFile(path).open_to_others());
  std::filesystem::permissions(path, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  BOOST_TEST(ImportFile(path).open_to_others());
}

BOOST_AUTO_TEST_SUITE_END()
