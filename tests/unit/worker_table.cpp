// The table of workers: entries disappear with their process, and stuck workers are ended.
#include "metrics/worker_table.hpp"

#include <csignal>

#include <boost/test/unit_test.hpp>

#include "child_process.hpp"
#include "metrics/metrics.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"

namespace users::test {
namespace {

using std::chrono::seconds;

constexpr seconds kLong{3600};

struct Fixture {
  StandardErrorTo nothing;
  TemporaryDirectory directory;
  std::string file = (directory.path() / "metrics").string();
  Metrics metrics{file};
  MetricsMemory memory{file};

  WorkerTable& workers() { return metrics.workers(); }

  /// Starts a worker that waits for ever, inside or outside a request.
  pid_t start_worker(bool busy) {
    const unsigned before = workers().load().workers;
    const unsigned busy_before = workers().load().busy;
    const pid_t child = start_child([&] {
      Metrics own(file);
      own.workers().enter("hash");
      if (busy) own.workers().begin_request();
      for (;;) ::pause();
      return 0;
    });
    BOOST_TEST_REQUIRE(wait_until(30, [&] {
      const auto load = workers().load();
      return load.workers == before + 1 && load.busy == busy_before + (busy ? 1 : 0);
    }));
    return child;
  }

  /// Starts a process that is not a worker.
  static pid_t start_other() {
    return start_child([] {
      for (;;) ::pause();
      return 0;
    });
  }

  static void end(pid_t child) {
    ::kill(child, SIGKILL);
    wait_for(child);
  }

  /// Moves the start of all current requests back.
  void let_pass(seconds time) const {
    for (WorkerEntry& entry : memory.layout().workers) {
      if (entry.busy_since != 0)
        entry.busy_since -= static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(worker_table, Fixture)

BOOST_AUTO_TEST_CASE(a_worker_is_counted_as_long_as_it_lives) {
  BOOST_TEST(workers().load().workers == 0U);
  const pid_t idle = start_worker(false);
  const pid_t busy = start_worker(true);
  BOOST_TEST(workers().load().workers == 2U);
  BOOST_TEST(workers().load().busy == 1U);
  end(busy);
  BOOST_TEST(workers().load().workers == 1U);
  BOOST_TEST(workers().load().busy == 0U);
  end(idle);
  BOOST_TEST(workers().load().workers == 0U);
}

BOOST_AUTO_TEST_CASE(an_entry_is_used_again_and_starts_idle) {
  end(start_worker(true));
  BOOST_TEST(memory.layout().workers[0].busy_since != 0U);
  const pid_t next = start_worker(false);
  BOOST_TEST(memory.layout().workers[0].pid == static_cast<std::uint64_t>(next));
  BOOST_TEST(memory.layout().workers[0].busy_since == 0U);
  BOOST_TEST(memory.layout().workers[1].pid == 0U);
  end(next);
}

BOOST_AUTO_TEST_CASE(a_worker_is_busy_while_its_scope_lasts_and_knows_of_itself_without_a_file) {
  workers().enter("hash");
  BOOST_TEST(workers().load().workers == 1U);
  {
    const BusyScope busy(workers());
    BOOST_TEST(workers().load().busy == 1U);
  }
  BOOST_TEST(workers().load().busy == 0U);
  Metrics alone;
  alone.workers().enter("hash");
  alone.workers().begin_request();
  BOOST_TEST(alone.workers().load().workers == 1U);
  BOOST_TEST(alone.workers().load().busy == 1U);
  BOOST_TEST(alone.workers().end_stuck(seconds(0)) == 0U);
}

BOOST_AUTO_TEST_CASE(who_is_stuck_is_ended_and_nobody_else) {
  const pid_t idle = start_worker(false);
  const pid_t stuck = start_worker(true);
  const pid_t stopped = start_worker(true);
  ::kill(stopped, SIGSTOP);
  let_pass(seconds(100));
  const pid_t quick = start_worker(true);
  workers().enter("hash");
  workers().begin_request();
  let_pass(seconds(10));

  BOOST_TEST(workers().end_stuck(seconds(200)) == 0U);
  BOOST_TEST(workers().end_stuck(seconds(60)) == 2U);
  BOOST_TEST(wait_for(stuck) == -1);
  BOOST_TEST(wait_for(stopped) == -1);
  BOOST_TEST(workers().end_stuck(seconds(60)) == 0U);
  BOOST_TEST(workers().load().workers == 3U);
  for (const pid_t alive : {idle, quick}) {
    BOOST_TEST(::kill(alive, 0) == 0);
    end(alive);
  }
}

BOOST_AUTO_TEST_CASE(of_several_that_look_one_ends_the_worker) {
  const pid_t stuck = start_worker(true);
  let_pass(seconds(100));
  BOOST_TEST(run_children(8, [&] {
               Metrics own(file);
               return static_cast<int>(own.workers().end_stuck(seconds(60)));
             }) == 1);
  BOOST_TEST(wait_for(stuck) == -1);
}

BOOST_AUTO_TEST_CASE(a_process_that_has_the_number_of_a_dead_worker_is_left_alone) {
  end(start_worker(true));
  const pid_t other = start_other();
  memory.layout().workers[0].pid = static_cast<std::uint64_t>(other);
  let_pass(seconds(100));
  BOOST_TEST(workers().end_stuck(seconds(60)) == 0U);
  BOOST_TEST(::kill(other, 0) == 0);
  BOOST_TEST(workers().load().workers == 0U);
  end(other);
}

BOOST_AUTO_TEST_CASE(a_process_that_the_file_names_is_left_alone) {
  const pid_t stuck = start_worker(true);
  const pid_t other = start_other();
  // As if someone with write access to the file had changed it.
  memory.layout().workers[0].pid = static_cast<std::uint64_t>(other);
  memory.layout().workers[1].pid = static_cast<std::uint64_t>(other);
  memory.layout().workers[1].busy_since = 1;
  let_pass(seconds(100));
  BOOST_TEST(workers().end_stuck(seconds(60)) == 1U);
  BOOST_TEST(wait_for(stuck) == -1);
  BOOST_TEST(workers().end_stuck(seconds(60)) == 0U);
  BOOST_TEST(::kill(other, 0) == 0);
  end(other);
}

BOOST_AUTO_TEST_CASE(who_may_not_end_a_worker_leaves_that_to_others) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("not tried: only root can give up its rights");
    return;
  }
  const pid_t stuck = start_worker(true);
  let_pass(seconds(100));
  const pid_t courier = start_child([&] {
    Metrics own(file);
    if (::setuid(65531) != 0) return 100;
    return static_cast<int>(own.workers().end_stuck(seconds(60)));
  });
  BOOST_TEST(wait_for(courier) == 0);
  BOOST_TEST(::kill(stuck, 0) == 0);
  BOOST_TEST(workers().end_stuck(seconds(60)) == 1U);
  BOOST_TEST(wait_for(stuck) == -1);
}

BOOST_AUTO_TEST_CASE(a_request_that_has_only_just_begun_is_not_old) {
  const pid_t busy = start_worker(true);
  // As if it had begun after this process read the clock.
  memory.layout().workers[0].busy_since += 1'000'000'000'000ULL;
  BOOST_TEST(workers().end_stuck(seconds(1)) == 0U);
  BOOST_TEST(::kill(busy, 0) == 0);
  end(busy);
}

BOOST_AUTO_TEST_CASE(a_full_table_leaves_a_worker_out_and_working,
                     *boost::unit_test::label("deep")) {
  std::vector<std::unique_ptr<Metrics>> all;
  for (unsigned i = 0; i < MetricsLayout::kWorkers; ++i) {
    all.push_back(std::make_unique<Metrics>(file));
    all.back()->workers().enter("hash");
  }
  workers().enter("hash");
  workers().begin_request();
  const auto is_idle = [](const WorkerEntry& entry) { return entry.busy_since == 0; };
  BOOST_TEST(std::ranges::all_of(memory.layout().workers, is_idle));
  workers().end_request();
  BOOST_TEST(workers().end_stuck(kLong) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
