// The shared metrics: many processes count in one file, even if a process dies or the file is
// damaged.
#include "metrics/metrics.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.hpp"
#include "child_process.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"
#include "support/text.hpp"

namespace users::test {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

/// The lines that start with `name`.
std::string lines_of(const Metrics& metrics, const std::string& name) {
  std::istringstream text(metrics.render());
  std::string lines;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(name)) lines += line + "\n";
  }
  return lines;
}

void count_login(Metrics& metrics, const std::string& label, int times = 1) {
  const Counter counter = metrics.counter(MetricId::logins, "by=\"" + label + "\"");
  for (int i = 0; i < times; ++i) counter.add();
}

/// The counter after one login by password.
constexpr std::string_view kOneLogin = "users_logins_total{by=\"password\"} 1\n";

struct Fixture {
  StandardErrorTo nothing;
  TemporaryDirectory directory;
  std::string file = (directory.path() / "metrics").string();
  [[nodiscard]] mode_t mode() const {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
  }
  [[nodiscard]] ino_t inode() const {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_ino : 0;
  }
  /// Damages the file while nobody has it open.
  void damage(const std::function<void(MetricsLayout&)>& change) const {
    const MetricsMemory memory(file);
    change(memory.layout());
  }
  /// What the log contains after `body` ran in its own process.
  [[nodiscard]] std::string log_of(const std::function<void()>& body) const {
    const fs::path folder = directory.path() / "log";
    const pid_t child = start_child([&] {
      log::start(folder.string(), LogLevel::info, 1);
      body();
      return 0;
    });
    BOOST_TEST(wait_for(child) == 0);
    return read_file(folder / "users.log");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(metrics, Fixture)

BOOST_AUTO_TEST_CASE(
    a_counter_is_told_with_its_help_and_type_and_without_labels_before_it_is_used) {
  Metrics metrics;
  count_login(metrics, "password", 3);
  count_login(metrics, "code");
  const std::string text = metrics.render();
  BOOST_TEST(text.find("# HELP users_logins_total Sessions opened, by password, code or passkey.\n"
                       "# TYPE users_logins_total counter\n"
                       "users_logins_total{by=\"code\"} 1\n"
                       "users_logins_total{by=\"password\"} 3\n") != std::string::npos);
  const Metrics unused;
  BOOST_TEST(lines_of(unused, "users_registrations_total") == "users_registrations_total 0\n");
  BOOST_TEST(lines_of(unused, "users_logins_total").empty());
}

BOOST_AUTO_TEST_CASE(the_dashboard_shows_every_metric) {
  const std::string dashboard = read_file("conf/grafana-dashboard.json");
  for (int i = 0; i < static_cast<int>(MetricId::count_); ++i) {
    const std::string name(describe(MetricId{i}).name);
    BOOST_TEST(contains(dashboard, name), "no panel of conf/grafana-dashboard.json shows " << name);
  }
}

BOOST_AUTO_TEST_CASE(names_come_sorted) {
  Metrics metrics;
  count_login(metrics, "password");
  static_cast<void>(metrics.counter(MetricId::database_connects, R"(result="ok")"));
  std::istringstream text(metrics.render());
  std::vector<std::string> names;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# TYPE ")) names.push_back(line);
  }
  BOOST_TEST(names.size() > 3U);
  BOOST_TEST(std::ranges::is_sorted(names));
}

BOOST_AUTO_TEST_CASE(a_histogram_adds_up_its_buckets_in_seconds) {
  Metrics metrics;
  const Histogram hash = metrics.histogram(MetricId::password_hash);
  for (const auto took : {milliseconds(0), milliseconds(1), milliseconds(20), milliseconds(25),
                          milliseconds(26), milliseconds(9000)}) {
    hash.observe(took);
  }
  hash.observe(milliseconds(-5));  // must not make the unsigned sum wrap round
  const std::string name = "users_password_hash_seconds";
  BOOST_TEST(lines_of(metrics, name) ==
             name + "_bucket{le=\"0.0001\"} 2\n" + name + "_bucket{le=\"0.00025\"} 2\n" + name +
                 "_bucket{le=\"0.0005\"} 2\n" + name + "_bucket{le=\"0.001\"} 3\n" + name +
                 "_bucket{le=\"0.0025\"} 3\n" + name + "_bucket{le=\"0.005\"} 3\n" + name +
                 "_bucket{le=\"0.01\"} 3\n" + name + "_bucket{le=\"0.025\"} 5\n" + name +
                 "_bucket{le=\"0.05\"} 6\n" + name + "_bucket{le=\"0.1\"} 6\n" + name +
                 "_bucket{le=\"0.25\"} 6\n" + name + "_bucket{le=\"1\"} 6\n" + name +
                 "_bucket{le=\"5\"} 6\n" + name + "_bucket{le=\"+Inf\"} 7\n" + name +
                 "_sum 9.072000\n" + name + "_count 7\n");
}

BOOST_AUTO_TEST_CASE(a_labelled_histogram_keeps_its_labels_in_front) {
  Metrics metrics;
  metrics.histogram(MetricId::request_seconds, R"(route="GET auth")").observe(milliseconds(2));
  const std::string lines = lines_of(metrics, "users_request_seconds");
  BOOST_TEST(lines.find("_bucket{route=\"GET auth\",le=\"0.0025\"} 1\n") != std::string::npos);
  BOOST_TEST(lines.find("_sum{route=\"GET auth\"} 0.002000\n") != std::string::npos);
  BOOST_TEST(lines.find("_count{route=\"GET auth\"} 1\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(gauges_are_told_as_they_are_given) {
  const Metrics metrics;
  const GaugeSample gauges[] = {{MetricId::workers, "", 8},
                                {MetricId::outbox_messages, R"(state="sent")", 2},
                                {MetricId::outbox_messages, R"(state="pending")", 1}};
  const std::string text = metrics.render(gauges);
  BOOST_TEST(text.find("# TYPE users_workers gauge\nusers_workers 8\n") != std::string::npos);
  BOOST_TEST(text.find("users_outbox_messages{state=\"pending\"} 1\n"
                       "users_outbox_messages{state=\"sent\"} 2\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(many_processes_count_together_from_the_first_moment) {
  constexpr int kProcesses = 8;
  constexpr int kSeries = 40;
  constexpr int kTimes = 500;
  BOOST_TEST(run_children(kProcesses, [&] {
               // Two objects in one process count like two processes.
               Metrics one(file);
               Metrics other(file);
               for (int i = 0; i < kTimes; ++i) {
                 for (int series = 0; series < kSeries; ++series) {
                   count_login(i % 2 == 0 ? one : other, std::to_string(series));
                 }
               }
               return 0;
             }) == 0);
  const Metrics after(file);
  for (int series = 0; series < kSeries; ++series) {
    const std::string line = "users_logins_total{by=\"" + std::to_string(series) + "\"}";
    BOOST_TEST(lines_of(after, line) == line + " " + std::to_string(kProcesses * kTimes) + "\n");
  }
  const MetricsMemory memory(file);
  BOOST_TEST(memory.layout().used == static_cast<unsigned>(kSeries));
  BOOST_TEST(mode() == 0600U);
}

BOOST_AUTO_TEST_CASE(what_a_dead_process_left_unfinished_is_written_over) {
  Metrics metrics(file);
  count_login(metrics, "password");
  damage([](MetricsLayout& layout) {
    MetricSlot& half = layout.slots.at(layout.used);
    half.kind = 7;
    half.key_size = 4'000'000'000U;
    half.values[0] = 99;
  });
  BOOST_TEST(lines_of(metrics, "users_logins_total") == kOneLogin);
  Metrics next(file);
  count_login(next, "code");
  BOOST_TEST(lines_of(metrics, "users_logins_total{by=\"code\"}") ==
             "users_logins_total{by=\"code\"} 1\n");
}

BOOST_AUTO_TEST_CASE(a_full_file_drops_what_is_new_and_says_so_once) {
  const std::string log = log_of([&] {
    Metrics metrics(file);
    for (unsigned i = 0; i < MetricsLayout::kSlots + 5; ++i) {
      count_login(metrics, std::to_string(i));
    }
    count_login(metrics, "7");
  });
  BOOST_TEST(count_of(log, "metrics: no room for users_logins_total{by=\"1024\"}") == 1);
  BOOST_TEST(count_of(log, "no room") == 1);
  Metrics after(file);
  BOOST_TEST(count_of(after.render(), "users_logins_total{") ==
             static_cast<int>(MetricsLayout::kSlots));
  BOOST_TEST(lines_of(after, "users_logins_total{by=\"7\"}") == "users_logins_total{by=\"7\"} 2\n");
  const Counter dropped = after.counter(MetricId::logins, R"(by="1024")");
  BOOST_TEST(!dropped);
  dropped.add();
  after.histogram(MetricId::request_seconds, R"(route="x")").observe(milliseconds(1));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_trusted_is_made_anew) {
  using Change = std::function<void(MetricsLayout&)>;
  const std::pair<const char*, Change> faults[] = {
      {"magic", [](MetricsLayout& layout) { layout.magic[0] = 'x'; }},
      {"version", [](MetricsLayout& layout) { ++layout.version; }},
      {"slots", [](MetricsLayout& layout) { layout.slot_count = 4; }},
      {"workers", [](MetricsLayout& layout) { layout.worker_count = 4; }},
      {"used", [](MetricsLayout& layout) { layout.used = MetricsLayout::kSlots + 1; }},
      {"key size", [](MetricsLayout& layout) { layout.slots[0].key_size = 121; }},
      {"no key", [](MetricsLayout& layout) { layout.slots[0].key_size = 0; }},
      {"key", [](MetricsLayout& layout) { layout.slots[0].key[3] = '\n'; }},
      {"kind", [](MetricsLayout& layout) { layout.slots[0].kind = 3; }},
  };
  for (const auto& [what, change] : faults) {
    BOOST_TEST_CONTEXT(what) {
      {
        Metrics before(file);
        count_login(before, "password");
      }
      const ino_t old = inode();
      damage(change);
      const std::string log = log_of([&] { const Metrics again(file); });
      BOOST_TEST(log.find("metrics: " + file + " is damaged or of another release") !=
                 std::string::npos);
      BOOST_TEST(inode() != old);
      Metrics after(file);
      BOOST_TEST(lines_of(after, "users_logins_total").empty());
      fs::remove_all(directory.path() / "log");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_file_of_another_size_or_mode_is_made_anew) {
  const auto is_made_anew = [&] {
    const ino_t old = inode();
    Metrics metrics(file);
    count_login(metrics, "password");
    return inode() != old && mode() == 0600U && fs::file_size(file) == sizeof(MetricsLayout) &&
           lines_of(Metrics(file), "users_logins_total") == kOneLogin;
  };
  BOOST_TEST(is_made_anew());
  for (const std::size_t size : {std::size_t{4096}, std::size_t{0}, sizeof(MetricsLayout) + 1}) {
    fs::resize_file(file, size);
    BOOST_TEST(is_made_anew());
  }
  fs::permissions(file, fs::perms(0644));
  BOOST_TEST(is_made_anew());
  std::ofstream(file) << std::string(sizeof(MetricsLayout), 'x');
  BOOST_TEST(is_made_anew());
  // No temporary file is left.
  BOOST_TEST(std::distance(fs::directory_iterator(directory.path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(what_is_written_into_the_file_of_a_running_process_is_believed_within_bounds) {
  Metrics metrics(file);
  count_login(metrics, "first");
  count_login(metrics, "second", 2);
  const MetricsMemory other(file);
  MetricSlot& slot = other.layout().slots[0];
  const auto size = slot.key_size;
  const auto kind = slot.kind;
  const auto key = slot.key;
  for (const auto& change : std::vector<std::function<void()>>{
           [&] { slot.key_size = 0; }, [&] { slot.key_size = MetricSlot::kLongestKey + 1; },
           [&] { slot.key_size = 0xFFFFFFFF; }, [&] { slot.kind = 0; }, [&] { slot.kind = 77; },
           [&] { slot.key[0] = '\n'; }, [&] { slot.key[3] = '\0'; }}) {
    change();
    BOOST_TEST(lines_of(metrics, "users_logins_total") == "users_logins_total{by=\"second\"} 2\n");
    slot.key_size = size;
    slot.kind = kind;
    slot.key = key;
  }
  other.layout().used = 0xFFFFFFFF;
  BOOST_TEST(!metrics.render().empty());
}

BOOST_AUTO_TEST_CASE(in_a_folder_that_a_group_shares_its_users_count_together) {
  BOOST_TEST_REQUIRE(::chmod(directory.path().c_str(), 02770) == 0);
  const mode_t mask = ::umask(077);  // as the systemd units set it
  Metrics metrics(file);
  count_login(metrics, "password");
  BOOST_TEST(mode() == 0660U);
  // A file with another mode is replaced.
  for (const mode_t other : {0666U, 0600U, 0664U}) {
    ::chmod(file.c_str(), other);
    const ino_t before = inode();
    const Metrics next(file);
    BOOST_TEST(mode() == 0660U);
    BOOST_TEST(inode() != before);
  }
  if (::geteuid() == 0) {
    // Another user of the group can use our file but cannot replace it.
    const fs::path parent = directory.path().parent_path();
    const fs::perms own = fs::status(parent).permissions();
    fs::permissions(parent, own | fs::perms::group_exec | fs::perms::others_exec);
    const ino_t before = inode();
    const pid_t child = start_child([&] {
      if (::setgid(0) != 0 || ::setuid(65531) != 0) return 100;
      Metrics theirs(file);
      count_login(theirs, "code", 3);
      return 0;
    });
    BOOST_TEST(wait_for(child) == 0);
    fs::permissions(parent, own);
    BOOST_TEST(inode() == before);
    BOOST_TEST(lines_of(Metrics(file), "users_logins_total") ==
               "users_logins_total{by=\"code\"} 3\n");
  }
  ::umask(mask);
}

BOOST_AUTO_TEST_CASE(of_many_that_find_a_damaged_file_one_makes_it_anew) {
  std::ofstream(file) << "damaged";
  fs::permissions(file, fs::perms(0600));
  BOOST_TEST(run_children(8, [&] {
               Metrics metrics(file);
               count_login(metrics, "password", 100);
               return 0;
             }) == 0);
  BOOST_TEST(lines_of(Metrics(file), "users_logins_total") ==
             "users_logins_total{by=\"password\"} 800\n");
}

BOOST_AUTO_TEST_CASE(without_a_file_a_process_counts_for_itself_and_says_so) {
  const auto blocked = directory.write("plain", "no folder");
  fs::create_directory(directory.path() / "folder");
  fs::create_symlink(blocked, directory.path() / "link");
  for (const std::string& where :
       {std::string("/nowhere/metrics"), blocked.string() + "/metrics",
        (directory.path() / "folder").string(), (directory.path() / "link").string()}) {
    BOOST_TEST_CONTEXT(where) {
      const std::string log = log_of([&] {
        Metrics metrics(where);
        count_login(metrics, "password");
        if (lines_of(metrics, "users_logins_total") != kOneLogin) throw std::runtime_error("lost");
      });
      BOOST_TEST(log.find("WARNING [-] metrics: " + where + ": ") != std::string::npos);
      BOOST_TEST(log.find("correct metrics.file and restart") != std::string::npos);
      fs::remove_all(directory.path() / "log");
    }
  }
  BOOST_TEST(read_file(blocked) == "no folder");
}

BOOST_AUTO_TEST_CASE(without_permission_a_process_counts_for_itself) {
  const fs::path folder = directory.path() / "closed";
  fs::create_directory(folder);
  fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec);
  const pid_t child = start_child([&] {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::seteuid(kNobody) != 0) return 1;
    Metrics metrics((folder / "metrics").string());
    count_login(metrics, "password");
    return lines_of(metrics, "users_logins_total").empty() ? 2 : 0;
  });
  BOOST_TEST(wait_for(child) == 0);
  BOOST_TEST(!fs::exists(folder / "metrics"));
  fs::permissions(folder, fs::perms::owner_all);
}

BOOST_AUTO_TEST_CASE(a_lock_that_is_not_given_back_stops_nobody, *boost::unit_test::label("deep")) {
  Metrics metrics(file);
  count_login(metrics, "password");
  const int holder = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  BOOST_TEST_REQUIRE(::flock(holder, LOCK_EX) == 0);
  BOOST_TEST(!metrics.counter(MetricId::logins, R"(by="code")"));
  count_login(metrics, "password");  // an existing series needs no lock
  Metrics alone(file);
  count_login(alone, "alone");
  ::close(holder);
  BOOST_TEST(lines_of(metrics, "users_logins_total") == "users_logins_total{by=\"password\"} 2\n");
  BOOST_TEST(lines_of(alone, "users_logins_total") == "users_logins_total{by=\"alone\"} 1\n");
  BOOST_TEST(wait_until(
      5, [&] { return static_cast<bool>(metrics.counter(MetricId::logins, R"(by="code")")); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
