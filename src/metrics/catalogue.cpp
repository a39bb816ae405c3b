#include "metrics/catalogue.hpp"

#include <cstddef>
#include <iterator>

namespace users {
namespace {

using enum MetricId;
using enum MetricKind;

// Label values come from tables of the program, never from a client, so their number is bounded.
constexpr MetricRow kCatalogue[] = {
    {build_info, "users_build_info", gauge, true,
     "Always 1; version is that of the worker that answered."},
    {cluster_nodes, "users_cluster_nodes", gauge, false,
     "Nodes that this host's node is connected to, itself included. Missing without a cluster, and "
     "while no node serves."},
    {cluster_paused, "users_cluster_paused_seconds", gauge, false,
     "Whole seconds since its start during which the node made the others wait because it could "
     "not keep "
     "up. Missing without a cluster."},
    {database_connects, "users_database_connects_total", counter, true,
     "Connections to the database, by result: ok, failed. More than one ok per process means "
     "reconnects."},
    {database_failovers, "users_database_failovers_total", counter, false,
     "Connections to another host because the first in database.hosts was down."},
    {database_home, "users_database_home", gauge, false,
     "1 if the worker that answered this scrape uses the first host in database.hosts, else 0."},
    {database_hosts, "users_database_hosts", gauge, false,
     "Nodes in database.hosts. Missing without a cluster."},
    {database_up, "users_database_up", gauge, false,
     "1 if the worker that answered this scrape can use the database, else 0."},
    {imported_hashes, "users_imported_hashes", gauge, false,
     "Accounts whose password hash has another kind or cost than the service uses, counted at most "
     "every 10 minutes. The time of a failed login reveals that they exist."},
    {log_failures, "users_log_failures_total", counter, false,
     "Log lines that could not be written to the log's folder and went to standard error."},
    {logins, "users_logins_total", counter, true, "Sessions opened, by password, code or passkey."},
    {outbox_messages, "users_outbox_messages", gauge, true,
     "Messages in the outbox by state: pending, sent, failed, unsent (nobody has the "
     "phone, or a newer code took its place)."},
    {outbox_oldest, "users_outbox_oldest_seconds", gauge, false,
     "Age of the oldest pending message; 0 if there is none."},
    {password_hash, "users_password_hash_seconds", histogram, false,
     "Time to hash or verify a password."},
    {registrations, "users_registrations_total", counter, false, "Accounts created."},
    {request_seconds, "users_request_seconds", histogram, true,
     "Time in the worker from the complete request to its reply, by route."},
    {requests, "users_requests_total", counter, true,
     "Replies of the workers by route and result code; other: no route for the path or method. "
     "nginx's own replies are not counted."},
    {second_factors, "users_second_factors_total", counter, true,
     "Second factors by result: asked (a login without one), right, wrong; recovery: a recovery "
     "code was used, which right counts too."},
    {passkeys, "users_passkeys_total", counter, true,
     "Passkeys tried, by result: right, wrong, or counter (right, but its counter fell back)."},
    {sms, "users_sms_total", counter, true,
     "Attempts to send a message, by result: sent, try_again (another follows), failed (given up), "
     "unknown (the courier ended before it recorded one: the message may come twice)."},
    {statement_errors, "users_statement_errors_total", counter, true,
     "Failed statements, by name and error."},
    {statement_seconds, "users_statement_seconds", histogram, true,
     "Time of a statement, by name."},
    {throttled, "users_throttled_total", counter, true, "Refusals because of a limit, by limit."},
    {transaction_replays, "users_transaction_replays_total", counter, true,
     "Transactions replayed, by the number of the error: 1213 deadlock, 1205 lock wait, 1047 no "
     "primary component, from 2000 a lost connection."},
    {workers, "users_workers", gauge, false, "Running workers of all pools."},
    {workers_busy, "users_workers_busy", gauge, false,
     "Workers in a request, including the one that answered this."},
    {workers_ended, "users_workers_ended_total", counter, false,
     "Workers killed because a request took longer than worker.request_limit."},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < std::size(kCatalogue); ++i) {
    if (kCatalogue[i].id != static_cast<MetricId>(i)) return false;
  }
  return std::size(kCatalogue) == static_cast<std::size_t>(count_);
}
static_assert(is_in_order(), "one row for each MetricId, in its order");

}  // namespace

const MetricRow& describe(MetricId id) {
  return kCatalogue[static_cast<std::size_t>(id)];
}

}  // namespace users
