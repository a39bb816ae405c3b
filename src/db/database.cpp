#include "db/database.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "db/migrations.hpp"

namespace users::db {
namespace {

constexpr std::chrono::milliseconds kFirstWait{50};
constexpr std::chrono::milliseconds kLongestWait{800};

const Query<Number(std::string_view operation)> find_operation{
    "find_operation", "SELECT", {{"id", &Number::value}}, "FROM audit WHERE operation = ?"};

std::chrono::milliseconds with_jitter(std::chrono::milliseconds wait) {
  // Workers that lost the same server must not all reconnect in the same millisecond.
  return wait / 2 + std::chrono::milliseconds(
                        crypto::random_below(static_cast<std::uint32_t>(wait.count() / 2 + 1)));
}

}  // namespace

Endpoint service_endpoint(const Config& config, const std::string& host) {
  return {host,
          config.database_name,
          config.database_user,
          config.database_connect_timeout,
          config.database_read_timeout,
          config.database_write_timeout,
          config.database_tls == DatabaseTls::verify ? config.database_tls_ca : ""};
}

std::string clear_text_warning(const Config& config) {
  if (config.database_tls != DatabaseTls::off) return "";
  const auto remote = std::ranges::find_if(config.database_hosts, is_remote);
  if (remote == config.database_hosts.end()) return "";
  return "database.tls = off: the login to " + *remote +
         ", phones and password hashes cross the network in the clear; set tls = verify and tls_ca "
         "in [database]";
}

void require_schema(Connection& connection) {
  const unsigned version = schema_version(connection);
  if (version == 0) throw Unavailable("the database has no schema yet: run users-ctl migrate", 0);
  if (!can_work_with(connection, version)) {
    throw SchemaMismatch(
        "the database's schema is version " + std::to_string(version) +
        ", this program needs version " + std::to_string(kSchemaVersion) +
        ": run users-ctl migrate of this release, or install the release for that version");
  }
}

Database::Database(const Config& config, const Secret& password, Metrics& metrics)
    : config_(config),
      password_(password),
      metrics_(metrics),
      connects_(metrics.counter(MetricId::database_connects, R"(result="ok")")),
      failed_connects_(metrics.counter(MetricId::database_connects, R"(result="failed")")),
      failovers_(metrics.counter(MetricId::database_failovers)) {
  for (const std::string& address : config.database_hosts) hosts_.push_back({address});
  const std::string warning = clear_text_warning(config);
  if (!warning.empty()) log::warning({warning});
}

Connection& Database::connection() {
  constexpr std::chrono::milliseconds kPause{20};
  while (!try_connect()) {
    if (Clock::now() > lost_at_ + kPatience) {
      throw Unavailable("no database server is available", 0);
    }
    std::this_thread::sleep_for(with_jitter(kPause));
  }
  return *connection_;
}

bool Database::try_connect() {
  if (connection_ && !connection_->lost()) return true;
  const std::size_t last = connection_ ? current_ : hosts_.size() - 1;
  const auto start = Clock::now();
  if (connection_) lost_at_ = start;
  connection_.reset();
  // Each once, and last those that were silent: they may take the whole connect timeout.
  std::vector<Host*> order;
  for (const bool silent_ones : {false, true}) {
    for (std::size_t i = 1; i <= hosts_.size(); ++i) {
      Host& host = hosts_[(last + i) % hosts_.size()];
      if ((start < host.avoided_until) == silent_ones) order.push_back(&host);
    }
  }
  for (Host* host : order) {
    if (Clock::now() - start < kReplayTime && try_host(*host)) return true;
  }
  return false;
}

bool Database::try_host(Host& host) {
  const auto start = Clock::now();
  if (start < host.next_attempt) return false;
  try {
    use(host, open(host));
    return true;
  } catch (const SchemaMismatch&) {
    failed_connects_.add();
    throw;
  } catch (const DatabaseError& error) {
    postpone(host, start, error);
    return false;
  }
}

std::unique_ptr<Connection> Database::connect(const Host& host) const {
  const Endpoint endpoint = service_endpoint(config_, host.address);
  try {
    return std::make_unique<Connection>(endpoint, password_, &metrics_);
  } catch (const DatabaseError& error) {
    constexpr unsigned kAccessDenied = 1045;
    if (error.number() != kAccessDenied) throw;
    // The password may have been changed, and the file with it, since this process started.
    try {
      const Secret now = read_secret_file(config_.database_password_file);
      if (now.reveal() != password_.reveal()) {
        return std::make_unique<Connection>(endpoint, now, &metrics_);
      }
    } catch (const DatabaseError&) {
      throw;
    } catch (const std::exception&) {  // the file cannot be read: the first error says more
    }
    throw;
  }
}

std::unique_ptr<Connection> Database::open(const Host& host) const {
  auto fresh = connect(host);
  require_schema(*fresh);
  fresh->prepare_all();
  return fresh;
}

void Database::use(Host& host, std::unique_ptr<Connection> fresh) {
  connection_ = std::move(fresh);
  current_ = static_cast<std::size_t>(&host - hosts_.data());
  host.wait = std::chrono::milliseconds{0};
  connects_.add();
  if (current_ != 0) failovers_.add();
  log::info({"database: connected to ", host.address});
}

void Database::postpone(Host& host, Clock::time_point start, const std::exception& error) {
  failed_connects_.add();
  // Logged only until the wait has reached its maximum.
  if (host.wait < kLongestWait) log::warning({"database: ", error.what()});
  host.wait = std::clamp(host.wait * 2, kFirstWait, kLongestWait);
  const auto now = Clock::now();
  host.next_attempt = now + with_jitter(host.wait);
  // While another host serves, do not spend most of the time waiting for a silent one; but notice
  // within seconds that it is back.
  constexpr std::chrono::seconds kLongestAvoided{2};
  const auto* silent = dynamic_cast<const DatabaseError*>(&error);
  if (silent != nullptr && !silent->is_answer()) {
    host.avoided_until = now + std::min<Clock::duration>(4 * (now - start), kLongestAvoided);
  }
}

void Database::tend() {
  if (try_connect()) reconnect_to_preferred();
}

void Database::reconnect_to_preferred() {
  Host& preferred = hosts_.front();
  const auto now = Clock::now();
  if (!reconnection_.valid()) {
    if (current_ == 0 || now < std::max(preferred.next_attempt, preferred.avoided_until)) return;
    reconnection_start_ = now;
    // In the background: a host that is silent, or is catching up with the cluster, takes long.
    try {
      reconnection_ = std::async(std::launch::async, [this] { return open(hosts_.front()); });
    } catch (const std::system_error& error) {
      postpone(preferred, now, error);
    }
    return;
  }
  if (is_connecting()) return;
  try {
    auto fresh = reconnection_.get();
    if (current_ != 0) use(preferred, std::move(fresh));
  } catch (const SchemaMismatch&) {
    throw;
  } catch (const std::exception& error) {
    postpone(preferred, reconnection_start_, error);
  }
}

bool Database::is_connecting() const {
  return reconnection_.valid() &&
         reconnection_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

bool Database::is_done(Connection& connection, const OperationId& operation) {
  return find_operation.one(connection, crypto::bytes_of(operation)).has_value();
}

void Database::pause_or_rethrow(int attempt, Clock::time_point start, const DatabaseError& error) {
  constexpr std::chrono::milliseconds kStep{10};
  constexpr int kMostSteps = 10;
  const std::chrono::seconds timeout(config_.database_read_timeout);
  if (Clock::now() - start > std::min(kReplayTime, timeout)) throw;
  // Looked up each time: it is rare.
  metrics_
      .counter(MetricId::transaction_replays, "number=\"" + std::to_string(error.number()) + '"')
      .add();
  log::warning({"database: replaying the transaction after ", error.what()});
  std::this_thread::sleep_for(with_jitter(kStep * std::min(attempt, kMostSteps)));
}

}  // namespace users::db
