// Signed identities, verified by what backends use: jose in Node, PyJWT in Python, sodium in PHP.
#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounts/identity_keys.hpp"
#include "support/nginx_site.hpp"
#include "support/person.hpp"
#include "support/stack.hpp"
#include "support/text.hpp"
#include "support/worker_process.hpp"

using namespace users;
using namespace users::test;
using namespace std::chrono_literals;
using Json = nlohmann::json;

namespace {

constexpr const char* kHost = "site.test";
constexpr const char* kIssuer = "https://site.test";

/// A process that answers each line with a line.
class Verifier {
 public:
  Verifier(const std::vector<std::string>& program, const std::string& file, const std::string& url)
      : name(file) {
    int ends[2];
    BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    std::vector<std::string> words = program;
    words.insert(words.end(),
                 {std::string(::getenv("VERIFIERS")) + "/" + file, url, kIssuer, kHost});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], 0);
      ::dup2(ends[1], 1);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    socket_ = ends[0];
    const timeval timeout{30, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  }
  ~Verifier() {
    ::close(socket_);
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  /// `ok NUMBER` or `refused: WHY`; the clock of its keys is `ahead` by so many seconds.
  [[nodiscard]] std::string judge(const std::string& token, int ahead = 0) const {
    const std::string line = std::to_string(ahead) + " " + token + "\n";
    if (::send(socket_, line.data(), line.size(), MSG_NOSIGNAL) < 0) return "is gone";
    std::string answer;
    char buffer[4096];
    while (!answer.ends_with('\n')) {
      const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) return "is gone";
      answer.append(buffer, static_cast<std::size_t>(got));
    }
    answer.pop_back();
    return answer;
  }

  const std::string name;

 private:
  pid_t pid_;
  int socket_;
};

int free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(probe, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(probe);
  return ntohs(address.sin_port);
}

std::string identity(const std::string& arguments) {
  return run_script("USERS_FCGI_IDENTITY_SIGN=yes " + users_ctl("identity " + arguments));
}

/// A site that signs. Its backend answers with the token.
struct Fixture {
  Fixture() {
    person.regist();
    session = person.token();
  }
  ~Fixture() { query("DELETE FROM identity_keys"); }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  [[nodiscard]] std::string token(const std::string& host = kHost) const {
    return send(site.plain(), {.method = "GET",
                               .path = "/private/",
                               .headers = {"Authorization: Bearer " + session, "Host: " + host}})
        .body;
  }

  /// A token with these claims, signed by the newest key, which somebody has stolen.
  [[nodiscard]] std::string forge(const Json& changes, Json head = {}) const {
    IdentityKey stolen;
    stolen.public_key = bytes_of("publicKey");
    stolen.sealed = bytes_of("sealed");
    const crypto::SigningKey key(
        seed_of(stolen, read_secret_file(state_folder() + "/secrets/key")));
    const std::uint64_t now = std::stoull(query("SELECT UNIX_TIMESTAMP()"));
    Json claims{{"iss", kIssuer}, {"aud", kHost}, {"sub", "1"}, {"iat", now}, {"exp", now + 3600}};
    if (!changes.is_null()) claims.update(changes);
    if (head.is_null()) head = {{"alg", "EdDSA"}, {"kid", kid_of(stolen.public_key)}};
    std::string text =
        crypto::to_base64url(head.dump()) + "." + crypto::to_base64url(claims.dump());
    if (head["alg"] == "EdDSA") return text + "." + crypto::to_base64url(key.sign(text));
    // The published key as the secret that both would share.
    std::string code(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    HMAC(EVP_sha256(), stolen.public_key.data(), static_cast<int>(stolen.public_key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(code.data()), &size);
    return text + "." + (head["alg"] == "none" ? "" : crypto::to_base64url(code.substr(0, size)));
  }

  void expect(const std::string& answer, const std::string& text, int ahead = 0) const {
    for (const Verifier* verifier : verifiers) {
      const std::string found = verifier->judge(text, ahead);
      BOOST_TEST(found.starts_with(answer), verifier->name << ": " << found);
    }
  }

  Person person;
  std::string session;  ///< its token
  WorkerProcess worker{{.environment = with_stack_database({"USERS_FCGI_IDENTITY_SIGN=yes"})}};
  TemporaryDirectory pools;
  std::string port = std::to_string(free_port());
  NginxSite site{"server { listen unix:@FOLDER@/plain.sock; listen 127.0.0.1:" + port +
                     "; include snippets/users-fcgi/users.conf; location / { return 200 x; } "
                     "location ^~ /private/ { include snippets/users-fcgi/users_auth.conf; "
                     "proxy_pass http://unix:@FOLDER@/backend.sock; } }\n"
                     "server { listen unix:@FOLDER@/backend.sock; location / { return 200 "
                     "$http_x_user_jwt; } }",
                 linked(pools, worker)};
  std::string url = "http://127.0.0.1:" + port + "/users/jwks.json";
  Verifier node{{"node"}, "verify.mjs", url};
  Verifier python{{"/usr/bin/python3"}, "verify.py", url};
  Verifier php{{"php"}, "verify.php", url};
  std::vector<const Verifier*> verifiers{&node, &python, &php};

 private:
  static std::string linked(const TemporaryDirectory& folder, const WorkerProcess& worker) {
    for (const char* pool : {"fast.sock", "hash.sock"}) {
      std::filesystem::create_symlink(worker.socket(), folder.path() / pool);
    }
    return folder.path();
  }

  static std::string bytes_of(const std::string& column) {
    const std::string hex =
        query("SELECT HEX(" + column + ") FROM identity_keys ORDER BY id DESC LIMIT 1");
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return bytes;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(verifiers, Fixture)

BOOST_AUTO_TEST_CASE(all_take_a_token_and_refuse_every_other) {
  const std::string right = token();
  expect("ok " + query("SELECT id FROM users WHERE phone = '" + person.e164() + "'"), right);
  expect("ok 1", forge({}));
  expect("refused", token("other.test"));
  expect("refused", forge({{"iss", "https://other.test"}}));
  expect("refused", forge({{"exp", 1}}));
  const auto kid = Json::parse(run_command("curl -s " + url).output)["keys"][0]["kid"];
  expect("refused", forge({}, {{"alg", "none"}, {"kid", kid}}));
  expect("refused", forge({}, {{"alg", "HS256"}, {"kid", kid}}));
  expect("refused", forge({}, {{"alg", "EdDSA"}, {"kid", std::string(43, 'A')}}));
  std::string changed = right;
  const auto payload = changed.find('.') + 20;
  changed[payload] = changed[payload] == 'a' ? 'b' : 'a';
  expect("refused", changed);
}

BOOST_AUTO_TEST_CASE(none_refuses_while_keys_are_replaced_under_load) {
  expect("ok", token());
  std::atomic<bool> over = false;
  std::atomic<long> requests = 0;
  std::atomic<long> bad = 0;
  const auto ask = [&] {
    while (!over) {
      ++requests;
      if (std::ranges::count(token(), '.') != 2) ++bad;
    }
  };
  std::jthread first(ask);
  std::jthread second(ask);
  // Each round is half a minute of the keys' time.
  int ahead = 0;
  long judged = 0;
  std::set<std::string> kids;
  std::vector<std::string> refusals;
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < end) {
    query("UPDATE identity_keys SET activeTime = activeTime - INTERVAL 30 SECOND");
    ahead += 30;
    if (query("SELECT COUNT(*) FROM identity_keys WHERE activeTime > UTC_TIMESTAMP()") == "0") {
      identity("rotate");
    }
    const std::string text = token();
    kids.insert(text.substr(0, text.find('.')));
    for (const Verifier* verifier : verifiers) {
      ++judged;
      const std::string answer = verifier->judge(text, ahead);
      if (!answer.starts_with("ok ")) refusals.push_back(verifier->name + ": " + answer);
    }
    std::this_thread::sleep_for(50ms);
  }
  over = true;
  first.join();
  second.join();
  std::cout << "identity: " << kids.size() << " keys in " << ahead / 3600 << " hours, " << judged
            << " verifications, " << refusals.size() << " refused; " << requests
            << " requests meanwhile, " << bad << " without a token\n";
  BOOST_TEST(refusals == std::vector<std::string>(), boost::test_tools::per_element());
  BOOST_TEST(bad == 0);
  BOOST_TEST(kids.size() >= 3U);
}

BOOST_AUTO_TEST_CASE(none_takes_a_revoked_key_after_five_minutes) {
  std::string text = token();
  expect("ok", text);
  const std::string head = text.substr(0, text.find('.'));
  const std::string stolen = forge({});
  expect("ok 1", stolen);
  const std::string list = identity("list");
  identity("revoke --yes " + list.substr(0, list.find('\t')));
  expect("refused", stolen, 301);
  BOOST_TEST(wait_until(10, [&] {
    text = token();
    return !text.starts_with(head);
  }));
  expect("ok", text, 302);
}

BOOST_AUTO_TEST_SUITE_END()
