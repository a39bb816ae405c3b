#include "programs/run.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <thread>
#include <utility>

#include <unistd.h>

#include "base/crypto.hpp"
#include "base/hash_memory.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace users {

namespace {

constexpr Option kServiceOptions[] = {
    {"config", "FILE", "the configuration (default /etc/users-fcgi/users.conf)"},
    {"check-config", "", "checks the configuration and the secrets, then exits"},
    {"check-database", "", "also connects to the database"},
    {"print-config", "", "prints the effective configuration and where each value was set"},
    {"print", "WHAT", "prints a file from the program's tables"},
    {"help", "", "this text"},
    {"version", "", "the version"},
};

constexpr std::string_view kExitCodesHelp = R"(
Exit codes: 0 stopped by a signal, or the check passed; 64 wrong usage; 78 the configuration, a secret
or the version of the database's schema is wrong; 1 anything else.
)";

/// Makes everything that is sent to a stream printable while it lives, except newlines and tabs:
/// file names and user input must not control the operator's terminal.
class PrintableOutput : public std::streambuf {
 public:
  explicit PrintableOutput(std::ostream& out) : out_(out), target_(out.rdbuf(this)) {}
  // To check the type of out_, a sanitizer needs a descriptor, and none may be left.
  __attribute__((no_sanitize("vptr"))) ~PrintableOutput() override { out_.rdbuf(target_); }
  PrintableOutput(const PrintableOutput&) = delete;
  PrintableOutput& operator=(const PrintableOutput&) = delete;

 protected:
  int_type overflow(int_type c) override {
    const char one = traits_type::to_char_type(c);
    return xsputn(&one, 1) == 1 ? c : traits_type::eof();
  }
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    std::string_view rest(bytes, static_cast<std::size_t>(count));
    std::string clean;
    while (!rest.empty()) {
      const std::size_t length = std::min(rest.find_first_of("\n\t"), rest.size());
      clean += printable(std::string(rest.substr(0, length)));
      if (length < rest.size()) clean += rest[length];
      rest.remove_prefix(std::min(length + 1, rest.size()));
    }
    const auto size = static_cast<std::streamsize>(clean.size());
    return target_->sputn(clean.data(), size) == size ? count : 0;
  }
  int sync() override { return target_->pubsync(); }

 private:
  std::ostream& out_;
  std::streambuf* target_;
};

void print_help(const Service& service) {
  constexpr int kNameWidth = 17;
  std::cout << service.about << '\n';
  for (const Option& option : kServiceOptions) {
    if (option.name == "print" && service.documents.empty()) continue;
    const std::string name = std::string(option.name).append(" ").append(option.value);
    std::cout << "  --" << std::left << std::setw(kNameWidth - 2) << name << ' ' << option.help
              << '\n';
  }
  std::cout << '\n' << service.notes << kExitCodesHelp;
}

/// Prints a file that can be read back, with the origin of each value.
void print_config(const Config& config) {
  std::string_view section;
  for (const ConfigKey& key : config_keys()) {
    if (std::exchange(section, key.section()) != key.section()) {
      std::cout << "\n[" << section << "]\n";
    }
    std::cout << key.name_in_section() << " = " << config.texts.find(key.name)->second << "  # "
              << config.origins.find(key.name)->second << '\n';
  }
}

int check(const Service& service, const Config& config, const std::string& file,
          const Secret* password) {
  if (password != nullptr) {
    Metrics metrics;
    db::Database(config, *password, metrics).connection();
  }
  const std::string warning = db::clear_text_warning(config);
  if (!warning.empty()) std::cerr << service.name << ": warning: " << warning << '\n';
  std::cout << file << ": the configuration is good\n";
  if (password != nullptr) std::cout << "the database accepts the service\n";
  return EXIT_SUCCESS;
}

int serve(const Service& service, const Config& config, const Secret& password, const Secret& key) {
  const std::string place = service.place();
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  log::start(config.log_directory, config.log_level, config.log_keep_days);
  const std::string pid = std::to_string(::getpid());
  log::info({service.role, " started, version " USERS_FCGI_VERSION ", pid ", pid});
  Server server{config, password, key};
  const log::FailureScope unlogged(
      [count = server.metrics.counter(MetricId::log_failures)] { count.add(); });
  server.metrics.workers().enter(place);
  server.database.try_connect();  // exits here if the schema has another version
  try {
    service.serve(server);
  } catch (const std::exception& error) {
    log::error({service.role, " ends: ", error.what()});
    throw;
  }
  log::info({service.role, " stopped, pid ", pid});
  if (server.database.is_connecting()) std::_Exit(EXIT_SUCCESS);
  return EXIT_SUCCESS;
}

}  // namespace

int run_program(std::string_view name, const std::function<int(int, char**)>& body, int argc,
                char** argv) {
  const PrintableOutput output(std::cout);
  const PrintableOutput errors(std::cerr);
  // One line, whatever it quotes.
  const auto say = [&](const std::string& what, int status) {
    std::cerr << name << ": " << printable(what) << '\n';
    return status;
  };
  try {
    ::setenv("TZ", "UTC0", 1);  // NOLINT(concurrency-mt-unsafe): before any thread
    ::tzset();
    forbid_core_dumps();
    crypto::start();
    return body(argc, argv);
  } catch (const ConfigError& error) {
    return say(error.what(), kExitConfig);
  } catch (const db::SchemaMismatch& error) {
    return say(error.what(), kExitConfig);
  } catch (const db::DatabaseError& error) {
    return say(error.what(), kExitUnavailable);
  } catch (const UsageError& error) {
    return say(std::string(error.what()) + "; see " + std::string(name) + " --help", kExitUsage);
  } catch (const std::exception& error) {
    return say(error.what(), EXIT_FAILURE);
  }
}

void Server::set_ready() {
  hold_stop_signals();
  metrics.workers().set_ready();
}

void Server::tend() {
  database.tend();
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look) return;
  next_look = now + std::chrono::seconds(1);
  hash_memory::release_unused();
  const std::chrono::seconds limit(config.worker_request_limit);
  for (unsigned count = metrics.workers().end_stuck(limit); count > 0; --count) ended.add();
}

int run_service(const Service& service, int argc, char** argv) {
  bool serves = true;
  const auto start = [&](int count, char** words) {
    const CommandLine line = read_command_line(count, words, kServiceOptions);
    serves = !line.has("check-config") && !line.has("check-database") && !line.has("print-config");
    if (line.has("help")) {
      print_help(service);
      return EXIT_SUCCESS;
    }
    if (const auto what = line.options.find("print"); what != line.options.end()) {
      print_document(what->second, service.documents);
      return EXIT_SUCCESS;
    }
    if (line.has("version")) {
      std::cout << service.name << " " USERS_FCGI_VERSION "\n";
      return EXIT_SUCCESS;
    }
    if (!line.words.empty()) throw UsageError("takes no arguments");
    const auto given = line.options.find("config");
    const std::string file(given == line.options.end() ? kDefaultConfig : given->second);
    const Config config = load_config(file, environ);
    if (line.has("print-config")) {
      print_config(config);
      return EXIT_SUCCESS;
    }
    const Secret password = read_secret(config, "database.password_file");
    const Secret key = read_key(config);
    require_tls_ca(config);
    if (serves) return serve(service, config, password, key);
    return check(service, config, file, line.has("check-database") ? &password : nullptr);
  };
  const int status = run_program(service.name, start, argc, argv);
  // multiwatch restarts a program that ends at once thousands of times a second, which does not
  // cure a mistake in the configuration.
  if (status == kExitConfig && serves) std::this_thread::sleep_for(std::chrono::seconds(1));
  return status;
}

}  // namespace users
