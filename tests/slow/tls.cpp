// TLS to the database: every program accepts only a server that proves its name.
#include <memory>

#include <boost/test/unit_test.hpp>

#include "db/database.hpp"
#include "support/database_server.hpp"
#include "support/stack.hpp"
#include "support/worker_process.hpp"

using namespace users;
using namespace users::test;

namespace {

std::unique_ptr<DatabaseServer> server;

std::string file(const std::string& name) {
  return server->folder() + "/" + name;
}

/// Creates a CA in NAME.pem and NAME.key.
void make_ca(const std::string& name) {
  run_script(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=" +
      name + "' -keyout '" + file(name + ".key") + "' -out '" + file(name + ".pem") + "'");
}

struct Certificate {
  std::string names = "DNS:localhost";  ///< subjectAltName
  std::string days = "1";               ///< negative: expired
};

/// Creates the server's key and certificate, signed by ca.
void make_certificate(const Certificate& certificate) {
  run_script("{ cd '" + server->folder() +
             "' && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=db "
             "-addext subjectAltName=" +
             certificate.names +
             " -keyout server.key -out server.csr && openssl x509 -req -in server.csr -CA ca.pem "
             "-CAkey ca.key -copy_extensions copy -out server.pem -days " +
             certificate.days + "; }");
}

/// One server for the suite: creating its data takes seconds.
struct Suite {
  Suite() {
    server = std::make_unique<DatabaseServer>();
    make_ca("ca");
    make_ca("other-ca");
    make_certificate({});
    server->restart(true);
  }
  ~Suite() { server.reset(); }
  Suite(const Suite&) = delete;
  Suite& operator=(const Suite&) = delete;
};

/// Gives the server another certificate while it lives.
class OtherCertificate {
 public:
  explicit OtherCertificate(const Certificate& certificate) { install(certificate); }
  ~OtherCertificate() { install({}); }
  OtherCertificate(const OtherCertificate&) = delete;
  OtherCertificate& operator=(const OtherCertificate&) = delete;

 private:
  static void install(const Certificate& certificate) {
    make_certificate(certificate);
    server->administrator()->run_script("FLUSH SSL", "flush");
  }
};

struct WithoutTls {
  WithoutTls() { server->restart(false); }
  ~WithoutTls() { server->restart(true); }
  WithoutTls(const WithoutTls&) = delete;
  WithoutTls& operator=(const WithoutTls&) = delete;
};

std::string address(const std::string& host = "localhost") {
  return host + ":" + std::to_string(server->port());
}

db::Endpoint endpoint(const std::string& host, const std::string& ca) {
  db::Endpoint endpoint{address(host), "users", "users_service"};
  endpoint.tls_ca = ca;
  return endpoint;
}

/// The TLS version of a connection, or the error.
std::string connect(const std::string& host = "localhost", const std::string& ca = file("ca.pem")) {
  try {
    db::Connection connection(endpoint(host, ca), Secret(kDatabasePassword));
    return connection
        .run_script(
            "SELECT variable_value FROM information_schema.session_status WHERE "
            "variable_name = 'ssl_version'",
            "version")
        .value();
  } catch (const db::ConnectionLost& error) {
    return error.what();
  }
}

/// Checks that the text has `reason` and advice, and no secret.
void require_refusal(const std::string& text, const std::string& reason) {
  BOOST_TEST(text.find(reason) != std::string::npos, text);
  BOOST_TEST(
      text.find("database.tls = verify wants TLS and a certificate for ") != std::string::npos,
      text);
  BOOST_TEST(text.find("mend the server's, or name its CA") != std::string::npos, text);
  BOOST_TEST(text.find(kDatabasePassword) == std::string::npos, text);
}

/// Environment that points a program to the server.
std::vector<std::string> settings(const std::string& ca = file("ca.pem")) {
  return {"USERS_FCGI_DATABASE_HOSTS=" + address(), "USERS_FCGI_DATABASE_TLS=verify",
          "USERS_FCGI_DATABASE_TLS_CA=" + ca};
}

bool is_ready(const WorkerProcess& worker) {
  return worker.ask(fcgi::get("/users/health/ready")).status == 200;
}

/// Runs users-ctl migrate with settings() and `ca`; returns both streams.
Command migrate(const std::string& ca) {
  const TemporaryDirectory directory;
  std::string command = "env";
  for (const auto& setting : settings(file(ca))) command += " '" + setting + "'";
  return run_command(command + " USERS_FCGI_DATABASE_MIGRATION_PASSWORD_FILE='" +
                     directory.write("password", kDatabasePassword).string() +
                     "' USERS_FCGI_DATABASE_MIGRATIONS=sql/migrations \"$BIN\"/users-ctl --config "
                     "conf/development.conf migrate 2>&1");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls, *boost::unit_test::fixture<Suite>())

BOOST_AUTO_TEST_CASE(a_server_that_proves_its_name_or_its_address_is_spoken_to) {
  BOOST_TEST(connect() == "TLSv1.3");
  BOOST_TEST(connect("LOCALHOST") == "TLSv1.3");
  const OtherCertificate by_address({.names = "IP:127.0.0.1"});
  BOOST_TEST(connect("127.0.0.1") == "TLSv1.3");
  require_refusal(connect("localhost"), "Validation of SSL server certificate failed");
}

BOOST_AUTO_TEST_CASE(another_ca_is_refused) {
  require_refusal(connect("localhost", file("other-ca.pem")),
                  "unable to get local issuer certificate");
}

BOOST_AUTO_TEST_CASE(another_name_is_refused) {
  require_refusal(connect("127.0.0.1"), "Validation of SSL server certificate failed");
}

BOOST_AUTO_TEST_CASE(an_expired_certificate_is_refused) {
  const OtherCertificate expired({.days = "-1"});
  require_refusal(connect(), "certificate has expired");
}

BOOST_AUTO_TEST_CASE(a_server_without_tls_is_refused) {
  const WithoutTls plain;
  require_refusal(connect(), "the server does not support it");
  // Without a CA the connection works.
  BOOST_TEST(connect("localhost", "") == "");
}

BOOST_AUTO_TEST_CASE(a_ca_file_that_vanished_lets_nobody_pass) {
  // Connector/C may report an older error of OpenSSL, so only the advice is checked.
  require_refusal(connect("localhost", file("nothing.pem")), "2026 TLS/SSL error");
}

BOOST_AUTO_TEST_CASE(a_socket_needs_none) {
  const WithoutTls plain;
  db::Endpoint socket{server->socket(), "users", "users_service"};
  socket.tls_ca = file("nothing.pem");
  BOOST_CHECK_NO_THROW(db::Connection(socket, Secret(kDatabasePassword)));
}

BOOST_AUTO_TEST_CASE(a_worker_serves_over_tls_also_after_the_server_was_away) {
  const WorkerProcess worker({.environment = settings()});
  BOOST_TEST(wait_until(30, [&] { return is_ready(worker); }));
  const HttpReply reply = worker.ask(fcgi::regist(registration(fresh_phone(), "correct horse 42")));
  BOOST_TEST(reply.code() == 1005);  // a code must have been issued, and there is none
  BOOST_TEST(server->query("SELECT COUNT(*) FROM throttle WHERE bucket LIKE 'guess%'") == "1");
  BOOST_TEST(server->query("SELECT COUNT(*) FROM information_schema.processlist WHERE user = "
                           "'users_service'") == "1");
  server->restart(true);
  BOOST_TEST(wait_until(30, [&] { return is_ready(worker); }));
  BOOST_TEST(worker.log().find("cross the network") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_worker_answers_503_while_the_server_proves_nothing_and_says_why) {
  const WorkerProcess worker({.environment = settings(file("other-ca.pem"))});
  const HttpReply reply = worker.ask(fcgi::get("/users/health/ready"));
  BOOST_TEST(reply.status == 503);
  BOOST_TEST(reply.code() == 9001);
  require_refusal(worker.log(), "unable to get local issuer certificate");
  BOOST_TEST(server->query("SELECT COUNT(*) FROM information_schema.processlist WHERE user = "
                           "'users_service'") == "0");
}

BOOST_AUTO_TEST_CASE(the_commands_of_the_manual_make_a_certificate_for_a_node) {
  const TemporaryDirectory directory;
  run_script("grep -E '^ +(openssl|printf)' conf/CLUSTER.md >'" + directory.path().string() +
             "/commands' && cd '" + directory.path().string() +
             "' && sh -e commands 2>/dev/null && openssl verify -CAfile ca.pem -verify_ip "
             "192.0.2.11 node.pem");
}

BOOST_AUTO_TEST_CASE(users_ctl_speaks_tls_too) {
  const Command good = migrate("ca.pem");
  BOOST_TEST(good.status == 0);
  BOOST_TEST(good.output == "the schema is up to date\n");
  const Command refused = migrate("other-ca.pem");
  BOOST_TEST(refused.status == 69);
  require_refusal(refused.output, "unable to get local issuer certificate");
  const Command nothing = migrate("nothing.pem");
  BOOST_TEST(nothing.status == 78);
  BOOST_TEST(
      nothing.output ==
      "users-ctl: environment USERS_FCGI_DATABASE_TLS_CA: database.tls_ca: " + file("nothing.pem") +
          " cannot be read: No such file or directory; name the PEM file of "
          "the CA that signs the database's certificate\n");
}

BOOST_AUTO_TEST_CASE(a_courier_speaks_tls_too) {
  const TemporaryDirectory directory;
  const auto config = write_worker_config(directory);
  const std::string log = (directory.path() / "log/users.log").string();
  auto environment = settings();
  environment.push_back("USERS_FCGI_DATABASE_PASSWORD_FILE=" +
                        (directory.path() / "database_password").string());
  environment.push_back("USERS_FCGI_SECRETS_KEY_FILE=" + (directory.path() / "key").string());
  environment.push_back("USERS_FCGI_LOG_DIRECTORY=" + (directory.path() / "log").string());
  const Daemon courier(
      {run_script("printf %s \"$BIN\"") + "/users-courier", "--config", config.string()},
      environment, (directory.path() / "output").string());
  BOOST_TEST(wait_until(30, [&] {
    return run_command("grep -qF 'connected to " + address() + "' '" + log + "' 2>/dev/null")
               .status == 0;
  }));
}

BOOST_AUTO_TEST_SUITE_END()
