// Baseline of the machine: bare argon2 MEMORY_KIB PASSES SECONDS hashes on all cores; bare
// statements SOCKET PASSWORD_FILE SECONDS runs the SELECT of a registered phone on as many
// connections as the bench has workers. Prints operations per second.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <mysql.h>
#include <sodium.h>

namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned kConnections = 8;

[[noreturn]] void fail(const std::string& what) {
  (void)std::fprintf(stderr, "bare: %s\n", what.c_str());
  std::exit(EXIT_FAILURE);
}

/// Runs operations until the time is up.
template <typename Thread>
double rate(unsigned threads, double seconds, Thread make) {
  std::atomic<unsigned long> done{0};
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(seconds));
  const auto begin = Clock::now();
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      auto operation = make();
      while (Clock::now() < end) {
        operation();
        ++done;
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  return static_cast<double>(done) / std::chrono::duration<double>(Clock::now() - begin).count();
}

auto hashing(std::size_t kib, std::size_t passes) {
  return [=] {
    std::string out(crypto_pwhash_STRBYTES, '\0');
    if (crypto_pwhash_str_alg(out.data(), "correct horse 42", 16, passes, kib * 1024,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
      fail("out of memory");
  };
}

auto selecting(const char* socket, const std::string& password) {
  MYSQL* connection = mysql_init(nullptr);
  if (mysql_real_connect(connection, nullptr, "users_service", password.c_str(), "users", 0, socket,
                         0) == nullptr)
    fail(mysql_error(connection));
  MYSQL_STMT* statement = mysql_stmt_init(connection);
  const std::string text = "SELECT id, password FROM users WHERE phone = '+8618800000000'";
  if (mysql_stmt_prepare(statement, text.data(), text.size()) != 0)
    fail(mysql_stmt_error(statement));
  return [statement] {
    if (mysql_stmt_execute(statement) != 0 || mysql_stmt_store_result(statement) != 0)
      fail(mysql_stmt_error(statement));
    mysql_stmt_free_result(statement);
  };
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 || sodium_init() < 0)
    fail("argon2 MEMORY_KIB PASSES SECONDS, or statements SOCKET PASSWORD_FILE SECONDS");
  const double seconds = std::strtod(argv[4], nullptr);
  if (std::strcmp(argv[1], "argon2") == 0) {
    const auto make = [&] {
      return hashing(std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10));
    };
    std::printf("%.1f\n", rate(std::thread::hardware_concurrency(), seconds, make));
  } else {
    std::string password;
    std::ifstream(argv[3]) >> password;
    mysql_library_init(0, nullptr, nullptr);
    std::printf("%.1f\n",
                rate(kConnections, seconds, [&] { return selecting(argv[2], password); }));
  }
}
