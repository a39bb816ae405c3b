// Secrets are not copied or printed, and not read from files that others can read.
#include "base/secret.hpp"

#include <algorithm>
#include <concepts>
#include <ostream>
#include <stdexcept>
#include <type_traits>

#include <boost/test/unit_test.hpp>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child_process.hpp"
#include "support/temporary_directory.hpp"

namespace users::test {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);
static_assert(std::is_nothrow_move_assignable_v<Secret>);
static_assert(!Printable<Secret> && !std::convertible_to<Secret, std::string_view>);

constexpr std::string_view kShort = "hunter2";  // stored inside the string object
constexpr std::string_view kLong = "a secret that is too long to live inside the string object";

/// Why the file is refused, or an empty string.
std::string refusal(const std::filesystem::path& file) {
  try {
    static_cast<void>(read_secret_file(file));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

bool all_zero(const char* bytes, std::size_t size) {
  return std::all_of(bytes, bytes + size, [](char c) { return c == '\0'; });
}

bool is_root(boost::unit_test::test_unit_id) {
  return ::geteuid() == 0;
}

BOOST_AUTO_TEST_SUITE(secret)

// What is left of a moved object is what these test.
// NOLINTBEGIN(bugprone-use-after-move,clang-analyzer-cplusplus.*)
BOOST_AUTO_TEST_CASE(moving_a_secret_leaves_nothing_behind) {
  for (const auto value : {kShort, kLong}) {
    Secret first(value);
    Secret second(std::move(first));
    BOOST_TEST(second.reveal() == value);
    BOOST_TEST(first.reveal().empty());

    Secret third(kShort);
    third = std::move(second);
    BOOST_TEST(third.reveal() == value);
    BOOST_TEST(second.reveal().empty());
  }
}

BOOST_AUTO_TEST_CASE(a_secret_empties_the_string_it_is_made_from) {
  for (const auto value : {kShort, kLong}) {
    std::string source(value);
    const Secret taken(std::move(source));
    BOOST_TEST(taken.reveal() == value);
    BOOST_TEST(source.empty());
  }
}

// A short string is stored inside its object, so moving it would leave a copy behind.
BOOST_AUTO_TEST_CASE(a_short_secret_is_wiped_where_it_came_from) {
  Secret first(kShort);
  const char* in_first = first.c_str();
  Secret second(std::move(first));
  BOOST_TEST(all_zero(in_first, kShort.size()));

  const char* in_second = second.c_str();
  Secret third;
  third = std::move(second);
  BOOST_TEST(third.reveal() == kShort);
  BOOST_TEST(all_zero(in_second, kShort.size()));

  std::string source(kShort);
  const char* in_source = source.data();
  const Secret taken(std::move(source));
  BOOST_TEST(all_zero(in_source, kShort.size()));
}
// NOLINTEND(bugprone-use-after-move,clang-analyzer-cplusplus.*)

BOOST_AUTO_TEST_CASE(wiping_overwrites_the_bytes) {
  std::string value(kLong);
  const char* bytes = value.data();
  wipe(value);
  BOOST_TEST(value.empty());
  BOOST_TEST(all_zero(bytes, kLong.size()));
}

BOOST_AUTO_TEST_CASE(all_bytes_of_the_file_but_one_newline_at_the_end_are_the_secret) {
  const TemporaryDirectory directory;
  const std::string any("\0\xFF\n\r\0x", 6);
  for (const auto& [in_file, secret] : {std::pair<std::string, std::string>{"hunter2", "hunter2"},
                                        {"hunter2\n", "hunter2"},
                                        {"hunter2\n\n", "hunter2\n"},
                                        {" hunter2 \n", " hunter2 "},
                                        {"\nx", "\nx"},
                                        {any, any}}) {
    BOOST_TEST(read_secret_file(directory.write("secret", in_file)).reveal() == secret);
  }
}

BOOST_AUTO_TEST_CASE(at_most_4096_bytes_are_read) {
  const TemporaryDirectory directory;
  const std::string most(4096, 's');
  BOOST_TEST((read_secret_file(directory.write("secret", most)).reveal() == most));
  BOOST_TEST(refusal(directory.write("secret", most + "s")) == "is longer than 4096 bytes");
  BOOST_TEST(refusal(directory.write("secret", most + most)) == "is longer than 4096 bytes");
}

BOOST_AUTO_TEST_CASE(a_file_is_read_that_is_open_to_its_owner_alone) {
  const TemporaryDirectory directory;
  const auto file = directory.write("secret", kShort);
  const auto refusal_of = [&](mode_t mode) {
    BOOST_TEST_REQUIRE(::chmod(file.c_str(), mode) == 0);
    return refusal(file);
  };
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U, 0700U, 0644U, 04600U}) {
    BOOST_TEST_INFO("mode " << std::oct << mode);
    BOOST_TEST(refusal_of(mode) == "is open to others: chmod 0600 it");
  }
  for (const mode_t mode : {0600U, 0400U}) BOOST_TEST(refusal_of(mode) == "");
}

// users-ctl runs as root, and the files belong to the service's user.
BOOST_AUTO_TEST_CASE(root_reads_a_file_of_another_user, *boost::unit_test::precondition(is_root)) {
  const TemporaryDirectory directory;
  const auto file = directory.write("secret", kShort);
  BOOST_TEST_REQUIRE(::chown(file.c_str(), 65534, 65534) == 0);
  BOOST_TEST(refusal(file) == "");
}

BOOST_AUTO_TEST_CASE(what_is_no_file_with_a_secret_is_refused_at_once,
                     *boost::unit_test::timeout(10)) {
  const TemporaryDirectory directory;
  const auto fifo = directory.path() / "fifo";
  BOOST_TEST_REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  BOOST_TEST(refusal(fifo) == "is not a regular file");
  BOOST_TEST(refusal(directory.path()) == "is not a regular file");
  BOOST_TEST(refusal(directory.path() / "none").starts_with("cannot be opened: No such file"));
  for (const auto* content : {"", "\n"}) {
    BOOST_TEST(refusal(directory.write("secret", content)).starts_with("is empty"));
  }
}

BOOST_AUTO_TEST_CASE(a_refusal_never_tells_the_secret) {
  const TemporaryDirectory directory;
  const auto open_file = directory.write("open", kShort);
  BOOST_TEST_REQUIRE(::chmod(open_file.c_str(), 0644) == 0);
  std::string long_secret;
  while (long_secret.size() <= 4096) long_secret += kShort;
  for (const auto& file : {open_file, directory.write("long", long_secret)}) {
    const std::string text = refusal(file);
    BOOST_TEST(!text.empty());
    BOOST_TEST(text.find(kShort) == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_process_can_keep_its_memory_out_of_core_dumps) {
  const pid_t child = start_child([] {
    forbid_core_dumps();
    return ::prctl(PR_GET_DUMPABLE);
  });
  BOOST_TEST(wait_for(child) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
