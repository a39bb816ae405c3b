#include "support/worker_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/stack.hpp"
#include "support/text.hpp"

namespace users::test {
namespace {

constexpr int kBacklog = 256;
constexpr double kLongestSeconds = 10;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

/// The test's environment without the service's variables, plus `more`.
std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("USERS_FCGI_")) environment.emplace_back(*entry);
  }
  environment.insert(environment.end(), more.begin(), more.end());
  return environment;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

bool redirect(int from, int to) {
  return from >= 0 && ::dup2(from, to) == to;
}

/// Runs in the child and does not return.
[[noreturn]] void become(const WorkerProgram::Setup& setup, char* const* arguments,
                         char* const* environment) {
  constexpr int kCannotRun = 127;
  const auto open_output = [](const std::filesystem::path& file) {
    return ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  };
  const int input =
      setup.standard_input >= 0 ? setup.standard_input : ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const rlimit descriptors{setup.descriptors, setup.descriptors};
  sigset_t none;
  sigemptyset(&none);
  // Ends the child if the parent is killed.
  const bool ready = ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
                     ::pthread_sigmask(SIG_SETMASK, &none, nullptr) == 0 &&
                     redirect(input, STDIN_FILENO) &&
                     redirect(open_output(setup.output), STDOUT_FILENO) &&
                     redirect(open_output(setup.errors), STDERR_FILENO) &&
                     (setup.descriptors == 0 || ::setrlimit(RLIMIT_NOFILE, &descriptors) == 0);
  if (ready) ::execve(arguments[0], arguments, environment);
  ::_exit(kCannotRun);
}

pid_t start_program(const WorkerProgram::Setup& setup) {
  // Allocate everything before the fork.
  std::vector<std::string> arguments{path_of(setup.program)};
  arguments.insert(arguments.end(), setup.arguments.begin(), setup.arguments.end());
  auto environment = environment_with(setup.environment);
  const auto argument_pointers = pointers_to(arguments);
  const auto environment_pointers = pointers_to(environment);
  const pid_t pid = ::fork();
  if (pid < 0) fail("fork");
  if (pid == 0) become(setup, argument_pointers.data(), environment_pointers.data());
  return pid;
}

}  // namespace

std::string path_of(const std::string& program) {
  const char* folder = std::getenv("BIN");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return std::string(folder == nullptr ? "build/release" : folder) + "/" + program;
}

std::filesystem::path write_worker_config(const TemporaryDirectory& directory,
                                          std::string_view more) {
  const auto path = [&](const char* name) { return (directory.path() / name).string(); };
  const auto password = directory.write("database_password", kDatabasePassword);
  const auto key = directory.write("key", kHashingKey);
  std::ostringstream config;
  config << "database.hosts = " << path("no-database.sock") << '\n'
         << "database.password_file = " << password.string() << '\n'
         << "secrets.key_file = " << key.string() << '\n'
         << "metrics.file = " << path("metrics") << '\n'
         << "log.directory = " << path("log") << '\n'
         << "log.level = debug\n"
         << more << '\n';
  return directory.write("users.conf", config.str());
}

WorkerProgram::WorkerProgram(const Setup& setup) : pid_(start_program(setup)) {}

WorkerProgram::~WorkerProgram() {
  if (status_) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void WorkerProgram::signal(int number) const {
  if (status_) throw std::logic_error("the process has ended");
  if (::kill(pid_, number) != 0) fail("kill");
}

std::optional<int> WorkerProgram::exit_within(double seconds) {
  wait_until(seconds, [this] {
    int status = 0;
    if (status_ || ::waitpid(pid_, &status, WNOHANG) != pid_) return status_.has_value();
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  });
  return status_;
}

WorkerEnd run_worker(const std::vector<std::string>& arguments,
                     const std::vector<std::string>& environment, int standard_input) {
  const TemporaryDirectory directory;
  const auto output = directory.path() / "output";
  const auto errors = directory.path() / "errors";
  WorkerProgram child({.arguments = arguments,
                       .environment = environment,
                       .standard_input = standard_input,
                       .output = output,
                       .errors = errors});
  const int status = child.exit_within(kLongestSeconds).value_or(-1);
  return {status, read_file(output), read_file(errors)};
}

ListeningSocket::ListeningSocket(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_un address = fcgi::address_of(path_);
  if (descriptor_ < 0) fail("socket");
  if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(descriptor_, kBacklog) != 0) {
    ::close(descriptor_);
    fail("listen");
  }
}

ListeningSocket::~ListeningSocket() {
  ::close(descriptor_);
}

WorkerProcess::WorkerProcess(const WorkerOptions& options) : options_(options) {
  write_worker_config(directory_, options.config);
  start();
}

void WorkerProcess::start() {
  program_.emplace(
      WorkerProgram::Setup{.arguments = {"--config", (directory_.path() / "users.conf").string()},
                           .environment = options_.environment,
                           .standard_input = socket_.descriptor(),
                           .output = directory_.path() / "output",
                           .errors = directory_.path() / "errors",
                           .descriptors = options_.descriptors});
  if (!answers()) throw std::runtime_error("the worker does not start: " + errors());
}

void WorkerProcess::start_again() {
  program_.reset();
  start();
}

HttpReply WorkerProcess::ask(const fcgi::Request& request) const {
  fcgi::Client client = connect();
  client.send(fcgi::whole(request));
  return client.reply(kLongestSeconds);
}

bool WorkerProcess::answers() const {
  const HttpReply reply = ask(fcgi::get("/users/health/live"));
  return reply.status == 200 && reply.code() == 0;
}

double WorkerProcess::cpu_seconds() const {
  // Fields 14 and 15 of proc(5) stat, counted after the name, which may contain anything.
  constexpr int kFieldsBehindName = 11;
  const std::string stat = read_file("/proc/" + std::to_string(pid()) + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < kFieldsBehindName; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  if (!(fields >> user >> system)) throw std::runtime_error("the worker has ended: " + errors());
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

long WorkerProcess::resident_kib() const {
  long pages = 0;
  std::ifstream statm("/proc/" + std::to_string(pid()) + "/statm");
  statm >> pages >> pages;
  return pages * (::sysconf(_SC_PAGESIZE) / 1024);
}

std::string WorkerProcess::log() const {
  std::string text;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(log_directory(), missing)) {
    if (entry.is_regular_file() && !entry.is_symlink()) text += read_file(entry.path());
  }
  return text;
}

std::string WorkerProcess::errors() const {
  return read_file(directory_.path() / "errors");
}

}  // namespace users::test
