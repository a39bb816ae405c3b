// Records what clients asked and were answered, before and after each call, and compares it with
// the database after a fault.
#pragma once

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/person.hpp"

namespace users::test {

/// The results of the calls so far.
struct Tally {
  int requests = 0;
  int unknown = 0;     ///< no reply, or 9001: the outcome is unknown
  int unexpected = 0;  ///< a reply that no fault explains, such as 1002 for a fresh phone
  double longest = 0;  ///< seconds of the longest call
};

class Ledger {
 public:
  /// Notes the workers' memory and the ends of the logs.
  Ledger();

  /// One client's visit: registers a fresh phone with its own key; every fourth also logs in,
  /// checks the session, logs out, checks again, and requests a code twice. Pauses briefly when
  /// told to retry later.
  void visit();

  /// Waits at most 5 seconds for both pools to serve. Call it as soon as the fault has ended.
  void recover();

  /// Checks all records against the database and prints a summary.
  void settle(const std::string& fault);

  [[nodiscard]] Tally tally() const;

 private:
  enum class Outcome { ok, unknown, unexpected };
  struct Registration {
    std::string phone;
    std::string key;
    Outcome outcome;
    bool settled_by_retry = false;
  };
  struct Session {
    std::string token;
    bool ended;  ///< its logout was answered 0
  };

  /// Sends, with a line in the file before and after. `expected`: the code of a good reply, or its
  /// status (200 or more).
  Outcome call(const std::string& what, const HttpRequest& request, int expected,
               HttpReply* reply = nullptr);
  Outcome regist(const std::string& phone, const std::string& key);
  void log_in_and_out(const std::string& phone);
  Outcome login(const std::string& phone, HttpReply* reply = nullptr);
  void ask_for_code(const std::string& phone);
  Outcome auth(const std::string& token, int status);

  void settle_registrations();
  void check_rows();
  void check_sessions();
  void check_logins();
  void check_messages() const;
  void check_logs() const;
  void check_workers() const;

  std::string password_;
  std::ofstream file_;
  double back_ = 0;
  int lost_ = 0;
  int twice_ = 0;
  std::map<std::string, long> workers_;  ///< most descriptors and resident KiB of a worker
  mutable std::mutex mutex_;
  Tally tally_;
  std::vector<Registration> registrations_;
  std::vector<Session> sessions_;
  std::vector<std::string> asked_for_code_;
};

/// Eight clients that visit until it is destroyed. Each pauses for `pause` after a visit.
class Traffic {
 public:
  Traffic(Ledger& ledger, std::chrono::milliseconds pause);
  ~Traffic();

  /// Waits until that many more requests were answered or given up.
  void flow(int requests) const;

  /// Total of the whole ledger so far.
  [[nodiscard]] int unanswered() const { return ledger_.tally().unknown; }

 private:
  Ledger& ledger_;
  std::atomic<bool> enough_{false};
  std::vector<std::jthread> clients_;
};

/// Runs `fault` in the middle of traffic that continues for a while, then settles the ledger;
/// returns what clients saw. `pause`: of each client between two visits.
Tally survive(const std::string& name, const std::function<void(Traffic&)>& fault,
              std::chrono::milliseconds pause = {});

/// Lines of nginx's log with this text belong to the fault and are not alerts.
void expect_alert(const std::string& text);

}  // namespace users::test
