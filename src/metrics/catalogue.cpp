#include "metrics/catalogue.hpp"

#include <cstddef>
#include <iterator>

namespace users {
namespace {

using enum MetricKind;

// Labels take their values from tables of the program, never from a client: their number is
// bounded.
constexpr MetricRow kCatalogue[] = {
    {"users_build_info", gauge, true, "Always 1; version is that of the worker that answers."},
    {"users_database_connects_total", counter, true,
     "Connections to the database, by result: ok, failed. More than one ok for each process: "
     "reconnects."},
    {"users_database_up", gauge, false,
     "Whether the database answered the worker that answers, 1 or 0."},
    {"users_imported_hashes", gauge, false,
     "Accounts whose password hash has another kind or cost than the service makes, counted every "
     "10 minutes at most. The time of a wrong login tells that they exist."},
    {"users_log_failures_total", counter, false,
     "Lines that the log's folder did not take; they went to standard error."},
    {"users_logins_total", counter, true, "Sessions opened, by password or by code."},
    {"users_outbox_messages", gauge, true,
     "Messages in the outbox by state: pending, sent, failed, unsent (for phones without "
     "account)."},
    {"users_outbox_oldest_seconds", gauge, false, "Age of the oldest pending message, 0 for none."},
    {"users_password_hash_seconds", histogram, false, "Time of hashing or verifying a password."},
    {"users_registrations_total", counter, false, "Accounts made."},
    {"users_request_seconds", histogram, true,
     "Time from the whole request to its reply in the worker, by route."},
    {"users_requests_total", counter, true,
     "Replies of the workers by route and result code; other: a path or method without route. "
     "nginx's own replies are not among them."},
    {"users_sms_total", counter, true,
     "What became of tries to send a message: sent, try_again (another try follows), failed (given "
     "up), unknown (the courier ended before it could tell: the message may come twice)."},
    {"users_statement_errors_total", counter, true, "Failed statements by name and error."},
    {"users_statement_seconds", histogram, true, "Time of a statement, by name."},
    {"users_throttled_total", counter, true, "Times a limit was over, by limit."},
    {"users_transaction_replays_total", counter, false,
     "Transactions run once more after a deadlock, a lock wait or a lost connection."},
    {"users_workers", gauge, false, "Living workers of all pools."},
    {"users_workers_busy", gauge, false,
     "Workers in a request, the one that answers this included."},
    {"users_workers_ended_total", counter, false,
     "Workers ended because they were in one request for longer than worker.request_limit."},
};

static_assert(std::size(kCatalogue) == static_cast<std::size_t>(MetricId::count_));

}  // namespace

const MetricRow& describe(MetricId id) {
  return kCatalogue[static_cast<std::size_t>(id)];
}

}  // namespace users
