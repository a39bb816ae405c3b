// What clients asked and were told, written down before and after each call, and held against the
// database once a fault is over.
#pragma once

#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/http_client.hpp"

namespace users::test {

/// What became of the calls so far.
struct Tally {
  int requests = 0;
  int unknown = 0;     ///< no reply, or 9001: the client cannot know
  int unexpected = 0;  ///< a reply that no fault excuses, such as 1002 to a fresh phone
  double longest = 0;  ///< seconds that a call took
};

class Ledger {
 public:
  /// Remembers what the workers hold, and where the logs end.
  Ledger();

  /// One client's visit: registers a fresh phone with a key of its own; every fourth logs in, is
  /// known, logs out, is unknown, and asks twice for a code. Who was told to come again later waits
  /// a moment.
  void visit();

  /// Waits for both pools to serve, at most 5 seconds; to be called as soon as the fault has ended.
  void recover();

  /// Checks all that was written down. Whatever is not as it must be is a failed check of the test.
  /// Prints one line of facts.
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
  /// status (200 and more).
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
  std::map<std::string, long> workers_;  ///< most descriptors and resident KiB of a worker
  mutable std::mutex mutex_;
  Tally tally_;
  std::vector<Registration> registrations_;
  std::vector<Session> sessions_;
  std::vector<std::string> asked_for_code_;
};

/// Visits by eight clients until it goes.
class Traffic {
 public:
  explicit Traffic(Ledger& ledger);
  ~Traffic();

  /// Waits until so many more requests were answered or given up.
  void flow(int requests) const;

  /// So far, of the whole ledger.
  [[nodiscard]] int unanswered() const { return ledger_.tally().unknown; }

 private:
  Ledger& ledger_;
  std::atomic<bool> enough_{false};
  std::vector<std::jthread> clients_;
};

/// `fault` in the midst of traffic, which goes on for a while after it; then the ledger is settled.
/// What clients met.
Tally survive(const std::string& name, const std::function<void(Traffic&)>& fault);

/// A registration with the phone as its key, which may be sent again.
HttpReply regist_with_key(const std::string& phone);

/// Lines of nginx's log with this text are the fault itself, and no alert.
void expect_alert(const std::string& text);

}  // namespace users::test
