#include "programs/run.hpp"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <thread>

#include <unistd.h>

#include "base/crypto.hpp"
#include "base/program.hpp"
#include "base/text.hpp"
#include "db/database.hpp"

namespace users {

namespace {

constexpr Option kServiceOptions[] = {{"config", "FILE", ""},     {"check-config", "", ""},
                                      {"check-database", "", ""}, {"print-config", "", ""},
                                      {"print", "WHAT", ""},      {"help", "", ""},
                                      {"version", "", ""}};

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
      append_printable(clean, rest.substr(0, length), std::string::npos);
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

/// Prints a file that can be read back, with the origin of each value.
void print_config(const Config& config) {
  std::string_view section;
  for (const ConfigKey& key : config_keys()) {
    const std::size_t dot = key.name.find('.');
    if (dot != std::string_view::npos && key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      std::cout << "\n[" << section << "]\n";
    }
    std::cout << key.name.substr(dot + 1) << " = " << config.texts.find(key.name)->second << "  # "
              << config.origins.find(key.name)->second << '\n';
  }
}

}  // namespace

int run_program(std::string_view name, const std::function<int(int, char**)>& body, int argc,
                char** argv) {
  const PrintableOutput output(std::cout);
  const PrintableOutput errors(std::cerr);
  // One line, whatever it quotes.
  const auto say = [&](const std::string& what, int status) {
    std::string line;
    append_printable(line, what, std::string::npos);
    std::cerr << name << ": " << line << '\n';
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

int run_service(const Service& service, int argc, char** argv) {
  bool serves = true;
  const auto start = [&](int count, char** words) {
    const CommandLine line = read_command_line(count, words, kServiceOptions);
    serves = !line.has("check-config") && !line.has("check-database") && !line.has("print-config");
    if (line.has("help")) {
      std::cout << service.help;
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
    if (line.has("check-database")) {
      Metrics metrics;
      db::Database(config, password, metrics).connection();
    }
    if (line.has("check-config") || line.has("check-database")) {
      const std::string warning = db::clear_text_warning(config);
      if (!warning.empty()) std::cerr << service.name << ": warning: " << warning << '\n';
      std::cout << file << ": the configuration is good\n";
      if (line.has("check-database")) std::cout << "the database accepts the service\n";
      return EXIT_SUCCESS;
    }
    return service.body(config, password, key);
  };
  const int status = run_program(service.name, start, argc, argv);
  // multiwatch restarts a program that ends at once thousands of times a second, which does not
  // cure a mistake in the configuration.
  if (status == kExitConfig && serves) std::this_thread::sleep_for(std::chrono::seconds(1));
  return status;
}

}  // namespace users
