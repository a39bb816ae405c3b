#include "ctl/processes.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <unistd.h>

#include "base/program.hpp"
#include "metrics/metrics.hpp"

namespace users::ctl {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(pid_t pid) {
  return fs::path("/proc") / std::to_string(pid);
}

void append_numbers(std::vector<unsigned>& numbers, std::istream& text) {
  for (unsigned number = 0; text >> number;) numbers.push_back(number);
}

}  // namespace

std::vector<WorkerTable::Worker> list_workers(const Config& config) {
  std::error_code error;
  if (fs::status(config.metrics_file, error).type() == fs::file_type::not_found) return {};
  try {
    return Metrics(config.metrics_file, MetricsMemory::ToRead()).workers().list();
  } catch (const std::exception& why) {
    throw std::runtime_error("metrics.file: " + config.metrics_file + " " + why.what());
  }
}

std::vector<Process> list_processes() {
  std::vector<Process> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (auto process = find_process(std::stoi(name))) all.push_back(std::move(*process));
  }
  return all;
}

std::optional<Process> find_process(pid_t pid) {
  Process process;
  process.pid = pid;
  std::ifstream status(folder_of(pid) / "status");
  bool living = false;
  for (std::string line; std::getline(status, line);) {
    std::istringstream fields(line.substr(line.find(':') + 1));
    if (line.starts_with("Name:")) fields >> process.name;
    if (line.starts_with("State:")) living = line.find("\tZ") == std::string::npos;
    if (line.starts_with("PPid:")) fields >> process.parent;
    if (line.starts_with("Uid:")) append_numbers(process.users, fields);
    if (line.starts_with("Gid:") || line.starts_with("Groups:")) {
      append_numbers(process.groups, fields);
    }
  }
  if (!living || process.users.size() < 2) return std::nullopt;
  process.real_uid = process.users[0];
  process.uid = process.users[1];
  return process;
}

std::optional<std::time_t> start_of(pid_t pid) {
  std::ifstream file(folder_of(pid) / "stat");
  std::string text;
  std::getline(file, text);
  // The name, in parentheses, may contain anything. Then proc(5) has 19 fields before the start, in
  // clock ticks since boot.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 19; ++i) fields >> skipped;
  std::time_t ticks = 0;
  if (!(fields >> ticks)) return std::nullopt;
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return std::time(nullptr) - since_boot.tv_sec + ticks / ::sysconf(_SC_CLK_TCK);
}

std::vector<std::string> words_in(pid_t pid, const char* file) {
  std::ifstream text(folder_of(pid) / file);
  std::vector<std::string> words;
  for (std::string word; std::getline(text, word, '\0');) words.push_back(word);
  return words;
}

bool uses_configuration(pid_t pid, const fs::path& file) {
  constexpr std::string_view kOption = "--config";
  std::error_code error;
  // In a container the same name is another file.
  const fs::path root = folder_of(pid) / "root";
  if (!fs::equivalent("/proc/self/root", root, error) && !error) return false;
  const auto words = words_in(pid, "cmdline");
  fs::path own = kDefaultConfig;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == kOption && i + 1 < words.size()) own = words[i + 1];
    if (words[i].starts_with(std::string(kOption) + "=")) own = words[i].substr(kOption.size() + 1);
  }
  // A relative path is relative to a folder that only root may see.
  if (own.is_relative()) return own.filename() == file.filename();
  return own == file || fs::equivalent(own, file, error);
}

bool wait_until(std::chrono::milliseconds longest, const std::function<bool()>& condition) {
  constexpr std::chrono::milliseconds kBetween{20};
  const auto deadline = std::chrono::steady_clock::now() + longest;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kBetween);
  }
  return true;
}

}  // namespace users::ctl
