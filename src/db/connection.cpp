#include "db/connection.hpp"

#include <chrono>

#include <arpa/inet.h>
#include <errmsg.h>
#include <mysql.h>

#include "base/config.hpp"
#include "base/log.hpp"
#include "db/prepared.hpp"
#include "metrics/metrics.hpp"

namespace users::db {
namespace {

/// If it cannot be parsed, use it as a name: connecting then reports the error.
HostAddress address_of(const std::string& host) {
  return parse_host(host).value_or(HostAddress{host, "", 0});
}

std::string session_setup(unsigned read_timeout) {
  // The server times out before the client, so a slow statement ends with a reply.
  const std::string bound = std::to_string(read_timeout > 2 ? read_timeout - 1 : 1);
  const std::string lock_wait = std::to_string(read_timeout > 6 ? 3 : 1);
  return "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,"
         "ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE', time_zone = '+00:00', "
         "tx_isolation = 'READ-COMMITTED', autocommit = 1, max_statement_time = " +
         bound + ", innodb_lock_wait_timeout = " + lock_wait +
         // All groups of an account fit, whatever the server's default; a statement holds as many
         // bytes.
         ", group_concat_max_len = 4096"
         // On a cluster: reads see what any node has acknowledged. Else it has no effect.
         ", wsrep_sync_wait = 7, wsrep_dirty_reads = OFF";
}

/// Only VERIFY_SERVER_CERT makes Connector/C 3.3 refuse a server without TLS before it logs in.
void demand_tls(MYSQL* mysql, const std::string& ca) {
  const my_bool yes = 1;
  mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
  mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  mysql_options(mysql, MYSQL_OPT_SSL_CA, ca.c_str());
  mysql_options(mysql, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
}

void set_options(MYSQL* mysql, const Endpoint& endpoint, const HostAddress& address) {
  const my_bool no = 0;
  const unsigned no_files = 0;
  const unsigned tcp = MYSQL_PROTOCOL_TCP;
  const std::string setup = session_setup(endpoint.read_timeout);
  mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &endpoint.connect_timeout);
  mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &endpoint.read_timeout);
  mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &endpoint.write_timeout);
  mysql_options(mysql, MYSQL_OPT_RECONNECT, &no);
  // Without this a server could request any file that this process can read.
  mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no_files);
  mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options(mysql, MYSQL_INIT_COMMAND, setup.c_str());
  if (!address.socket.empty()) return;
  // Without this localhost would mean a socket that nobody named.
  mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp);
  if (!endpoint.tls_ca.empty()) demand_tls(mysql, endpoint.tls_ca);
}

// Statements without rows or parameters, sent as text, so that a proxy or a log can see them.
const Statement begin{"begin", "START TRANSACTION", 0, {}, true};
const Statement commit{"commit", "COMMIT", 0, {}, true};
const Statement rollback{"rollback", "ROLLBACK", 0, {}, true};

/// What to do about a refused server.
std::string tls_advice(const HostAddress& address, const std::string& ca) {
  return "; database.tls = verify wants TLS and a certificate for " + address.host +
         ", in force and signed by a CA of " + ca + ": mend the server's, or name its CA";
}

std::vector<const Statement*>& registered() {
  static std::vector<const Statement*> all;
  return all;
}

std::string label_of(const Statement& statement) {
  return std::string("statement=\"").append(statement.name).append("\"");
}

/// For the metrics.
std::string_view name_of(const DatabaseError& error) {
  if (dynamic_cast<const Deadlock*>(&error) != nullptr) return "deadlock";
  if (dynamic_cast<const LockWaitTimeout*>(&error) != nullptr) return "lock_wait";
  if (dynamic_cast<const DuplicateKey*>(&error) != nullptr) return "duplicate";
  if (dynamic_cast<const ConnectionLost*>(&error) != nullptr) return "connection_lost";
  if (dynamic_cast<const Unavailable*>(&error) != nullptr) return "unavailable";
  return "other";
}

/// Returns what `work` returns, and logs at level debug how long the statement took.
template <class Work>
auto timed(const Statement& statement, Work&& work) {
  if (!log::debug.is_on()) return work();
  using std::chrono::steady_clock;
  const auto start = steady_clock::now();
  auto result = work();
  const std::chrono::duration<double, std::micro> took = steady_clock::now() - start;
  log::debug(
      {"statement ", statement.name, ": ", std::to_string(static_cast<long>(took.count())), " us"});
  return result;
}

}  // namespace

Statement::Statement(std::string_view statement_name, std::string text, std::size_t parameter_count,
                     std::vector<ColumnType> column_types, bool as_text)
    : name(statement_name),
      sql(std::move(text)),
      parameters(parameter_count),
      columns(std::move(column_types)),
      is_text(as_text),
      index(registered().size()) {
  registered().push_back(this);
}

Statement::~Statement() {
  registered()[index] = nullptr;
}

std::span<const Statement* const> Statement::all() {
  return registered();
}

bool is_remote(const std::string& host) {
  const HostAddress address = address_of(host);
  if (!address.socket.empty() || address.host == "localhost") return false;
  constexpr std::uint32_t kLoopback = 127;
  in_addr ipv4{};
  in6_addr ipv6{};
  if (::inet_pton(AF_INET, address.host.c_str(), &ipv4) == 1) {
    return ntohl(ipv4.s_addr) >> 24U != kLoopback;
  }
  return ::inet_pton(AF_INET6, address.host.c_str(), &ipv6) != 1 || !IN6_IS_ADDR_LOOPBACK(&ipv6);
}

void Connection::Closer::operator()(st_mysql* mysql) const {
  mysql_close(mysql);
}

Prepared& Connection::prepare(const Statement& statement) {
  auto& own = prepared_.at(statement.index);
  if (!own) own = std::make_unique<Prepared>(mysql_.get(), statement);
  return *own;
}

void Connection::raise(std::string_view what) {
  fail(what, mysql_errno(mysql_.get()), mysql_error(mysql_.get()));
}

template <class Work>
auto Connection::guard(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  try {
    return work();
  } catch (const DatabaseError& error) {
    lost_after_ = std::chrono::steady_clock::now() - start;
    lost_ = lost_ || error.number() == 0 || dynamic_cast<const ConnectionLost*>(&error) != nullptr;
    throw;
  } catch (...) {
    // Out of memory: half of a reply may be unread.
    lost_ = true;
    throw;
  }
}

template <class Work>
auto Connection::counted(const Statement& statement, Work&& work) {
  const auto timed_work = [&] { return timed(statement, work); };
  if (metrics_ == nullptr) return guard(timed_work);
  Histogram& seconds = seconds_.at(statement.index);
  if (!seconds) seconds = metrics_->histogram(MetricId::statement_seconds, label_of(statement));
  const ScopeTimer timer(seconds);
  try {
    return guard(timed_work);
  } catch (const DatabaseError& error) {
    const std::string labels = label_of(statement) + ",error=\"";
    metrics_->counter(MetricId::statement_errors, labels + std::string(name_of(error)) + '"').add();
    throw;
  }
}

Connection::Connection(const Endpoint& endpoint, const Secret& password, Metrics* metrics)
    : mysql_(mysql_init(nullptr)),
      prepared_(Statement::all().size()),
      seconds_(Statement::all().size()),
      metrics_(metrics) {
  if (!mysql_) throw DatabaseError("no memory for a connection", 0);
  const HostAddress address = address_of(endpoint.host);
  set_options(mysql_.get(), endpoint, address);
  if (mysql_real_connect(mysql_.get(), address.host.c_str(), endpoint.user.c_str(),
                         password.c_str(), endpoint.database.c_str(), address.port,
                         address.socket.empty() ? nullptr : address.socket.c_str(),
                         CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS) == nullptr) {
    std::string text = mysql_error(mysql_.get());
    const unsigned number = mysql_errno(mysql_.get());
    if (number == CR_SSL_CONNECTION_ERROR) text += tls_advice(address, endpoint.tls_ca);
    fail("connect to " + endpoint.host, number, text.c_str());
  }
}

Connection::~Connection() = default;

void Connection::prepare_all() {
  guard([this] {
    for (const Statement* statement : Statement::all()) {
      if (statement != nullptr && !statement->is_text) prepare(*statement);
    }
  });
}

std::uint64_t Connection::execute(const Statement& statement,
                                  std::span<const Parameter> parameters) {
  return counted(statement, [&] { return prepare(statement).execute(parameters); });
}

void Connection::fetch(const Statement& statement, std::span<const Parameter> parameters,
                       const std::function<void(std::span<const Cell>)>& take) {
  counted(statement, [&] {
    Prepared& prepared = prepare(statement);
    prepared.execute(parameters);
    prepared.fetch(take);
    return 0;
  });
}

std::uint64_t Connection::execute_bulk(const Statement& statement,
                                       const std::vector<BulkRow>& rows) {
  if (rows.empty()) return 0;
  return guard(
      [&] { return timed(statement, [&] { return prepare(statement).execute_bulk(rows); }); });
}

std::uint64_t Connection::last_insert_id() const {
  return mysql_insert_id(mysql_.get());
}

std::optional<std::string> Connection::run_script(const std::string& sql, std::string_view name) {
  return guard([&]() -> std::optional<std::string> {
    std::optional<std::string> last;
    if (mysql_real_query(mysql_.get(), sql.data(), sql.size()) != 0) raise(name);
    for (;;) {
      const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(
          mysql_store_result(mysql_.get()), &mysql_free_result);
      if (!result && mysql_field_count(mysql_.get()) != 0) raise(name);
      while (result) {
        MYSQL_ROW row = mysql_fetch_row(result.get());
        if (row == nullptr) break;
        last = row[0] == nullptr ? std::nullopt : std::optional<std::string>(row[0]);
      }
      const int more = mysql_next_result(mysql_.get());
      if (more > 0) raise(name);
      if (more < 0) return last;
    }
  });
}

void Connection::run(const Statement& statement) {
  counted(statement, [&] { return run_script(statement.sql, statement.name); });
}

OperationId new_operation() {
  return crypto::random_digest();
}

Transaction::Transaction(Connection& connection, const OperationId& operation)
    : connection_(connection), operation_(operation) {
  connection_.run(begin);
}

Transaction::~Transaction() {
  if (!is_open_ || connection_.lost()) return;
  try {
    connection_.run(rollback);
  } catch (...) {
    connection_.give_up();
  }
}

void Transaction::commit() {
  connection_.run(db::commit);
  is_open_ = false;
}

}  // namespace users::db
