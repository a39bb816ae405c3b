// The courier: connects configuration, database and the send-sms program to the outbox.
#include <chrono>

#include "accounts/identity_keys.hpp"
#include "base/log.hpp"
#include "programs/run.hpp"
#include "sms/courier.hpp"

namespace users {
namespace {

constexpr std::string_view kAbout =
    "users-courier: sends the messages that the workers put into the outbox.\n";

constexpr std::string_view kNotes =
    R"(It runs sms.command once per message, with the message as JSON on standard input:
  {"code":"123456","id":7,"language":"zh","phone":"+8618866668888","purpose":"regist","text":"..."}
Exit code 0 of that program: sent; 75: try again later; any other: failed. Several couriers can share
the work. The courier also deletes expired rows, makes the next key of identities (identity.key_days), and ends
workers that are stuck (worker.request_limit).
TERM, INT and USR1 stop it after the current message.
)";

/// Between two polls of an empty outbox.
constexpr std::chrono::milliseconds kIdle{100};
constexpr std::chrono::minutes kBetweenPurges{1};

void serve(Server& server) {
  using Clock = std::chrono::steady_clock;
  const Sender sender = [&](std::uint64_t id, const Message& message) {
    return run_send_command(server.config, id, message);
  };
  Courier courier(server.config, server.key, server.database, sender, server.metrics);
  auto next_purge = Clock::now();
  bool busy = false;
  server.set_ready();
  // If the metrics file was truncated, the courier ends; its successor creates a new file.
  while (!server.metrics.is_cut() && !stop_requested(busy ? std::chrono::milliseconds(0) : kIdle)) {
    server.tend();
    try {
      busy = courier.deliver_one();
      // One batch between two messages, so that a busy outbox does not delay purging.
      if (Clock::now() >= next_purge) {
        const bool more = courier.purge();
        if (server.config.identity_sign) {
          server.database.replay([&](db::Connection& connection) {
            return rotate_identity_keys(connection, server.config, server.key);
          });
        }
        if (!more) next_purge = Clock::now() + kBetweenPurges;
        busy = busy || more;
      }
    } catch (const db::SchemaMismatch&) {
      throw;
    } catch (const db::DatabaseError& error) {
      log::warning({"outbox: ", error.what()});
      busy = false;
    }
  }
}

std::string place() {
  return std::string(kCourierPool);
}

}  // namespace
}  // namespace users

int main(int argc, char** argv) {
  using namespace users;
  return run_service({"users-courier", "courier", kAbout, kNotes, {}, place, serve}, argc, argv);
}
