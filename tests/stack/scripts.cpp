// The shell scripts, as people use them.
#include <functional>
#include <future>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <boost/test/unit_test.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/person.hpp"
#include "support/processes.hpp"
#include "support/stack.hpp"
#include "support/temporary_directory.hpp"

using namespace users::test;

namespace {

std::future<Command> in_background(std::function<Command()> run) {
  return std::async(std::launch::async, std::move(run));
}

/// Environment with which a client script finds `url`.
std::string finding(const std::string& url) {
  return (url.starts_with(origin() + "/") ? curl_environment() : "") + "USERS_URL='" + url + "' ";
}

/// A user's shell with its own token file.
class Client {
 public:
  [[nodiscard]] std::string token_file() const { return (folder_.path() / "token").string(); }
  [[nodiscard]] Command run(const std::string& command,
                            const std::string& url = origin() + "/users") const {
    return run_command(finding(url) + "USERS_TOKEN_FILE='" + token_file() +
                       "' LC_ALL=C.UTF-8 scripts/" + command + " 2>&1");
  }
  /// Runs lines of bash that call scripts. OUT names a file that they may use.
  [[nodiscard]] Command run_bash(const std::string& lines) const {
    return run_command(finding(origin() + "/users") + "USERS_TOKEN_FILE='" + token_file() +
                       "' OUT='" + token_file() + ".out' LC_ALL=C.UTF-8 bash 2>&1 <<'END'\n" +
                       lines + "\nEND");
  }

 private:
  TemporaryDirectory folder_;
};

/// The lines of a text that match an extended regular expression, without blanks around them.
std::vector<std::string> texts_matching(const std::string& text, const std::string& pattern) {
  std::istringstream found(
      run_command("grep -E '" + pattern + "' <<'END'\n" + text + "\nEND").output);
  return {std::istream_iterator<std::string>(found), {}};
}

/// Registers a phone and logs in from two places.
void log_both_in(const std::string& phone, const Client& one, const Client& other) {
  BOOST_TEST(one.run("regist " + phone + " 'correct horse 42' 123456").status == 0);
  for (const Client* client : {&one, &other}) {
    BOOST_TEST(client->run("login " + phone + " 'correct horse 42'").status == 0);
  }
}

/// A service that answers on demand; until then the script and its curl wait.
class HeldService {
 public:
  HeldService() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, generic, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
  }
  ~HeldService() {
    if (client_ >= 0) ::close(client_);
    ::close(listener_);
  }
  HeldService(const HeldService&) = delete;
  HeldService& operator=(const HeldService&) = delete;

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/users";
  }

  /// Whether the head and the announced body are complete.
  static bool is_whole(const std::string& request) {
    const auto end = request.find("\r\n\r\n");
    const auto length = request.find("Content-Length: ");
    if (end == std::string::npos) return false;
    return length > end || request.size() >= end + 4 + std::stoul(request.substr(length + 16));
  }

  [[nodiscard]] bool has_caller(int milliseconds) const {
    pollfd ready{listener_, POLLIN, 0};
    return ::poll(&ready, 1, milliseconds) == 1;
  }

  /// Returns the next complete request; the client waits for answer().
  std::string next() {
    if (!has_caller(10'000)) throw std::runtime_error("no request came");
    client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    std::string request;
    while (!is_whole(request)) {
      pollfd ready{client_, POLLIN, 0};
      char bytes[4096];
      const ssize_t got =
          ::poll(&ready, 1, 10'000) == 1 ? ::recv(client_, bytes, sizeof bytes, 0) : 0;
      if (got <= 0) throw std::runtime_error("cut request: " + request);
      request.append(bytes, static_cast<std::size_t>(got));
    }
    return request;
  }

  void answer(const std::string& status, const std::string& body) {
    const std::string reply = "HTTP/1.1 " + status +
                              "\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body;
    ::send(client_, reply.data(), reply.size(), MSG_NOSIGNAL);
    ::close(client_);
    client_ = -1;
  }

 private:
  int listener_;
  int client_ = -1;
  unsigned port_ = 0;
};

/// Whether any process has `text` in its arguments.
bool is_in_a_command_line(const std::string& text) {
  return of_all_processes("cmdline").find(text) != std::string::npos;
}

std::string line_with(const std::string& name, const std::string& request) {
  const auto start = request.find(name);
  if (start == std::string::npos) return "";
  return request.substr(start, request.find('\r', start) - start);
}

constexpr const char* kAway = "code=9001\nmsg=temporarily unavailable\nretry_after=1\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(scripts)

BOOST_AUTO_TEST_CASE(regist_exits_by_the_code_and_escapes_what_json_needs_escaped) {
  const Client client;
  const std::string phone = fresh_phone();
  const std::string awkward = R"(quote" back\slash 	tab)";
  const Command first = client.run("regist " + phone + " '" + awkward + "' 123456");
  BOOST_TEST(first.status == 0, first.output);
  BOOST_TEST(post("login", {{"phone", phone}, {"password", awkward}}).code() == 0);
  const Command second = client.run("regist " + phone + " 'correct horse 42' 123456");
  BOOST_TEST(second.status == 1, second.output);
  BOOST_TEST(count_users("+86" + phone) == 1);
  // A password on standard input.
  run_script("echo 'correct horse 42' > '" + client.token_file() + ".typed'");
  const Command typed =
      client.run("regist " + fresh_phone() + " - 123456 < '" + client.token_file() + ".typed'");
  BOOST_TEST(typed.status == 0, typed.output);
  for (const char* wrong : {"regist", "regist 1 2"}) BOOST_TEST(client.run(wrong).status == 2);
  BOOST_TEST(client.run("regist --help").output.find("PHONE PASSWORD CODE") != std::string::npos);
  BOOST_TEST(client.run("regist x 'correct horse 42' 123456").status == 1);
}

BOOST_AUTO_TEST_CASE(login_keeps_a_token_that_only_its_owner_reads) {
  const Client client;
  const std::string phone = fresh_phone();
  BOOST_TEST(client.run("regist " + phone + " 'correct horse 42' 123456").status == 0);
  run_script("umask 022 && echo old > '" + client.token_file() + "'");
  BOOST_TEST(client.run("login " + phone + " 'another horse 42'").status == 1);
  const Command login = client.run("login " + phone + " 'correct horse 42'");
  BOOST_TEST(login.status == 0, login.output);
  BOOST_TEST(login.output == "ok\n");
  BOOST_TEST(run_script("stat -c %a '" + client.token_file() + "'") == "600\n");
  const Command me = client.run("me");
  BOOST_TEST(me.status == 0, me.output);
  BOOST_TEST(me.output.find("phone=+86" + phone + "\n") != std::string::npos, me.output);
  BOOST_TEST(client.run("logout").status == 0);
  BOOST_TEST(run_command("test -e '" + client.token_file() + "'").status == 1);
  BOOST_TEST(client.run("me").status == 1);
}

BOOST_AUTO_TEST_CASE(sessions_are_listed_and_ended) {
  const Client one;
  const Client other;
  const std::string phone = fresh_phone();
  log_both_in(phone, one, other);
  // A user agent cannot break a line of the list.
  query(R"(UPDATE sessions SET agent = 'x"},{"id":1' ORDER BY id DESC LIMIT 1)");
  const Command list = one.run("sessions");
  BOOST_TEST(list.status == 0);
  std::istringstream lines(list.output);
  std::string id;
  int seen = 0;
  for (std::string line; std::getline(lines, line); ++seen) {
    Members session = members_of(line);
    BOOST_TEST_REQUIRE(!session.empty(), line);
    if (session["current"] == "false") id = session["id"];
  }
  BOOST_TEST(seen == 2);
  BOOST_TEST(one.run("sessions --end " + id).status == 0);
  BOOST_TEST(other.run("me").status == 1);
  BOOST_TEST(one.run("me").status == 0);
  const Command again = one.run("sessions --end " + id);
  BOOST_TEST(again.status == 1);
  BOOST_TEST(again.output.find("has no session " + id) != std::string::npos, again.output);
  BOOST_TEST(one.run("sessions --end x").status == 2);
}

BOOST_AUTO_TEST_CASE(passwd_changes_the_password_and_ends_the_other_sessions) {
  const Client one;
  const Client other;
  const std::string phone = fresh_phone();
  log_both_in(phone, one, other);
  BOOST_TEST(one.run("passwd 'wrong horse 42' 'second horse 43'").status == 1);
  const std::string typed = one.token_file() + ".typed";
  run_script("printf 'correct horse 42\\nsecond horse 43\\n' > '" + typed + "'");
  BOOST_TEST(one.run("passwd - - < '" + typed + "'").status == 0);
  BOOST_TEST(one.run("me").status == 0);
  BOOST_TEST(other.run("me").status == 1);
  BOOST_TEST(other.run("login " + phone + " 'correct horse 42'").status == 1);
  BOOST_TEST(other.run("login " + phone + " 'second horse 43'").status == 0);
  run_script("echo 'only one' > '" + typed + "'");
  BOOST_TEST(one.run("passwd - - < '" + typed + "'").status == 2);
}

BOOST_AUTO_TEST_CASE(logout_ends_all_sessions_and_forgets_one_that_is_over) {
  const Client one;
  const Client other;
  const std::string phone = fresh_phone();
  log_both_in(phone, one, other);
  BOOST_TEST(one.run("logout --all").status == 0);
  BOOST_TEST(other.run("me").status == 1);
  run_script("cp '" + other.token_file() + "' '" + other.token_file() + ".kept'");
  const Command late = other.run("logout");
  BOOST_TEST(late.status == 0);
  BOOST_TEST(late.output.find("over already") != std::string::npos, late.output);
  BOOST_TEST(other.run("logout").status == 1);
  // --all fails if there was nothing to end.
  BOOST_TEST(one.run("login " + phone + " 'correct horse 42'").status == 0);
  run_script("mv '" + other.token_file() + ".kept' '" + other.token_file() + "'");
  const Command all = other.run("logout --all");
  BOOST_TEST(all.status == 1, all.output);
  BOOST_TEST(run_command("test -e '" + other.token_file() + "'").status == 1);
  BOOST_TEST(one.run("me").status == 0);
}

BOOST_AUTO_TEST_CASE(login_that_cannot_keep_the_token_says_so_and_leaves_nothing) {
  const Client client;
  const std::string phone = fresh_phone();
  BOOST_TEST(client.run("regist " + phone + " 'correct horse 42' 123456").status == 0);
  run_script("mkdir '" + client.token_file() + "'");
  const Command login = client.run("login " + phone + " 'correct horse 42'");
  BOOST_TEST(login.status == 2, login.output);
  BOOST_TEST(login.output.find(client.token_file()) != std::string::npos, login.output);
  BOOST_TEST(run_script("find '" + client.token_file() + "'* | wc -l") == "1\n");
}

BOOST_AUTO_TEST_CASE(no_list_of_processes_shows_a_secret) {
  const Client client;
  HeldService service;
  const std::string secret = "Kx7-shown-to-nobody_" + fresh_phone();
  run_script("echo '" + secret + "' > '" + client.token_file() + "'");
  run_script("printf '%s\\n' '" + secret + "' '" + secret + "' > '" + client.token_file() +
             ".password'");
  for (const std::string command :
       {"me", "logout", "login 18866668888 -", "regist 18866668888 - 123456", "sessions",
        "sessions --end 1", "passwd - -", "reset 18866668888 123456 -"}) {
    BOOST_TEST_CONTEXT(command) {
      auto run = in_background([&, words = command] {
        return client.run(words + " < '" + client.token_file() + ".password'", service.url());
      });
      const std::string request = service.next();
      BOOST_TEST(request.find(secret) != std::string::npos, request);
      // The search works: it finds the address in curl's arguments.
      BOOST_TEST(is_in_a_command_line(service.url() + "/"));
      BOOST_TEST(!is_in_a_command_line(secret));
      service.answer("200 OK", "code=1001\nmsg=held\n");
      const Command ended = run.get();
      BOOST_TEST(ended.status == 1);
      BOOST_TEST(ended.output == "held\n");
    }
  }
}

BOOST_AUTO_TEST_CASE(regist_and_code_try_again_with_one_key_and_believe_the_last_reply,
                     *boost::unit_test::label("deep")) {
  const Client client;
  for (const char* command : {"regist 18866668888 'correct horse 42' 123456", "code 18866668888"}) {
    BOOST_TEST_CONTEXT(command) {
      HeldService service;
      auto run = in_background([&] { return client.run(command, service.url()); });
      const std::string first = service.next();
      service.answer("503 Service Unavailable", kAway);
      const std::string second = service.next();
      service.answer("200 OK", "code=0\nmsg=done\n");
      const Command ended = run.get();
      BOOST_TEST(ended.status == 0, ended.output);
      BOOST_TEST(ended.output == "done\n");
      BOOST_TEST(!line_with("Idempotency-Key: ", first).empty());
      BOOST_TEST(line_with("Idempotency-Key: ", first) == line_with("Idempotency-Key: ", second));
    }
  }
}

BOOST_AUTO_TEST_CASE(regist_tells_trouble_that_lasts, *boost::unit_test::label("deep")) {
  const Client client;
  HeldService service;
  auto run = in_background(
      [&] { return client.run("regist 18866668888 'correct horse 42' 123456", service.url()); });
  for (int tries = 0; tries < 4; ++tries) {
    (void)service.next();
    service.answer("503 Service Unavailable", kAway);
  }
  const Command ended = run.get();
  BOOST_TEST(ended.status == 3, ended.output);
  BOOST_TEST(ended.output == "temporarily unavailable\n");
}

BOOST_AUTO_TEST_CASE(what_is_not_safe_to_repeat_is_sent_once) {
  const Client client;
  run_script("echo token > '" + client.token_file() + "'");
  for (const char* command :
       {"login 18866668888 'correct horse 42'", "logout", "passwd 'horse 42' 'horse 43'",
        "reset 18866668888 123456 'horse 42'"}) {
    BOOST_TEST_CONTEXT(command) {
      HeldService service;
      auto run = in_background([&] { return client.run(command, service.url()); });
      (void)service.next();
      service.answer("503 Service Unavailable", kAway);
      BOOST_TEST(run.get().status == 3);
      BOOST_TEST(!service.has_caller(0));
    }
  }
}

BOOST_AUTO_TEST_CASE(code_login_by_code_and_reset_take_what_was_sent) {
  const Client client;
  const std::string phone = fresh_phone();
  BOOST_TEST(client.run("regist " + phone + " 'correct horse 42' 123456").status == 0);
  BOOST_TEST(client.run("code " + phone + " reset").status == 0);
  const Command soon = client.run("code " + phone + " reset");
  BOOST_TEST(soon.status == 1);
  BOOST_TEST(soon.output.find(" s)") != std::string::npos, soon.output);
  BOOST_TEST(wait_until(30, [&] { return codes_sent("+86" + phone, "reset").size() == 1; }));
  const std::string reset = "reset " + phone + " " + codes_sent("+86" + phone, "reset").back();
  BOOST_TEST(client.run(reset + " 'second horse 43'").status == 0);
  BOOST_TEST(client.run(reset + " 'second horse 43'").status == 1);
  let_time_pass_for("+86" + phone);
  BOOST_TEST(client.run("code " + phone + " login").status == 0);
  BOOST_TEST(wait_until(30, [&] { return codes_sent("+86" + phone, "login").size() == 1; }));
  BOOST_TEST(client.run("login --code " + codes_sent("+86" + phone, "login").back() + " " + phone)
                 .status == 0);
  BOOST_TEST(client.run("me").status == 0);
}

BOOST_AUTO_TEST_CASE(totp_enrols_and_login_and_reset_take_its_codes,
                     *boost::unit_test::label("deep")) {
  const Client client;
  const std::string phone = fresh_phone();
  BOOST_TEST(client.run("regist " + phone + " 'correct horse 42' 123456").status == 0);
  BOOST_TEST(client.run("login " + phone + " 'correct horse 42'").status == 0);
  // As a person does: reads the secret, then types the app's code.
  const Command made = client.run_bash(
      "scripts/totp < <(for _ in {1..400}; do secret=$(grep -oE '^  [A-Z2-7]{32}$' \"$OUT\") && "
      "break; sleep 0.05; done\n"
      "oathtool --totp --base32 $secret) | tee -- \"$OUT\"");
  BOOST_TEST(made.status == 0, made.output);
  const auto codes = texts_matching(made.output, "^  [0-9A-Z]{5}-[0-9A-Z]{5}$");
  BOOST_REQUIRE(codes.size() == 10U);
  const std::string login = " " + phone + " 'correct horse 42' </dev/null";
  const Command asked = client.run("login" + login);
  BOOST_TEST(asked.status == 1);
  BOOST_TEST(says(
      asked, "with --totp CODE or --recovery CODE before the phone\nsecond factor required\n"));
  BOOST_TEST(client.run("login --totp 12345" + login).output == "invalid arguments: totp\n");
  BOOST_TEST(client.run("login --totp ''" + login).status == 2);
  const Command in = client.run("login --recovery " + codes[0] + login);
  BOOST_TEST(in.status == 0);
  BOOST_TEST(in.output == "login: recovery codes left: 9\nok\n");
  query("UPDATE sessions SET authTime = authTime - INTERVAL 11 MINUTE");
  const auto renewed = texts_matching(client
                                          .run_bash("printf '%s\\n' 'correct horse 42' " +
                                                    codes[1] + " | scripts/totp --recovery-codes")
                                          .output,
                                      "^  [0-9A-Z]{5}-[0-9A-Z]{5}$");
  BOOST_REQUIRE(renewed.size() == 10U);
  BOOST_TEST(client.run("code " + phone + " reset").status == 0);
  BOOST_TEST(wait_until(30, [&] { return codes_sent("+86" + phone, "reset").size() == 1; }));
  BOOST_TEST(client
                 .run("reset --recovery " + renewed[0] + " " + phone + " " +
                      codes_sent("+86" + phone, "reset").back() + " 'second horse 43'")
                 .status == 0);
  // Both from standard input, so that process lists show neither.
  BOOST_TEST(client
                 .run_bash("printf '%s\\n' " + renewed[1] +
                           " 'second horse 43' | scripts/login --recovery - " + phone + " -")
                 .status == 0);
  BOOST_TEST(client.run("totp --remove").status == 0);
  BOOST_TEST(client.run("login " + phone + " 'second horse 43'").status == 0);
  for (const char* command : {"totp --remove", "totp --recovery-codes"}) {
    const Command none = client.run(command);
    BOOST_TEST(none.status == 1);
    BOOST_TEST(none.output == "totp: the account has no authenticator app\n");
  }
}

BOOST_AUTO_TEST_CASE(every_client_script_tells_wrong_use_and_a_service_away,
                     *boost::unit_test::label("deep")) {
  const Client client;
  for (const char* name :
       {"regist", "code", "login", "me", "sessions", "passwd", "logout", "reset", "totp"}) {
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST(client.run(std::string(name) + " --help").status == 0);
      BOOST_TEST(client.run(std::string(name) + " --unknown option is wrong").status == 2);
      BOOST_TEST(client.run(std::string(name) + " --unknown 2 3").status == 2);
      BOOST_TEST(client.run(std::string(name) + " --unknown").status == 2);
    }
  }
  run_script("echo token > '" + client.token_file() + "'");
  for (const char* command : {"code 1", "login 1 2", "me", "sessions", "sessions --end 1",
                              "passwd 1 2", "logout", "reset 1 2 3", "totp", "totp --remove"}) {
    BOOST_TEST_CONTEXT(command) {
      BOOST_TEST(client.run(command, "http://127.0.0.1:1/users").status == 4);
      BOOST_TEST(client.run(command, origin() + "/").status == 4);
    }
  }
}

BOOST_AUTO_TEST_CASE(mysql_prints_rows_separated_by_tabs) {
  const Command rows = run_command("echo \"SELECT 'a', 'b'\" | scripts/mysql");
  BOOST_TEST(rows.status == 0);
  BOOST_TEST(rows.output.find("a\tb\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_token_lies_where_the_state_of_programs_lies_and_is_its_owners_alone) {
  const std::string phone = fresh_phone();
  regist(phone);
  const TemporaryDirectory home;
  const std::string path = home.path().string();
  for (const auto& [variables, folder] :
       {std::pair{std::string("XDG_STATE_HOME= "), path + "/.local/state"},
        {"XDG_STATE_HOME='" + path + "/a state'", path + "/a state"}}) {
    const Command login = run_command("env -u USERS_TOKEN_FILE HOME='" + path + "' " + variables +
                                      " " + finding(origin() + "/users") + "scripts/login " +
                                      phone + " 'correct horse 42' 2>&1");
    BOOST_TEST(login.status == 0, login.output);
    const std::string token = "'" + folder + "/users-fcgi/token'";
    BOOST_TEST(run_script("stat -c %a " + token) == "600\n");
    BOOST_TEST(run_script("stat -c %a '" + folder + "/users-fcgi'") == "700\n");
  }
}

BOOST_AUTO_TEST_SUITE_END()
