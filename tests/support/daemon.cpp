#include "support/daemon.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.hpp"
#include "support/stack.hpp"

namespace users::test {
namespace {

[[noreturn]] void become(const std::vector<std::string>& command,
                         const std::vector<std::string>& environment, const std::string& log) {
  ::setsid();
  // A test program that was killed leaves nothing running.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int in = ::open("/dev/null", O_RDONLY);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  for (const std::string& entry : environment) ::putenv(const_cast<char*>(entry.c_str()));
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

std::string make_site_folder(const std::string& run, bool cached) {
  // Not in the state folder, whose name may hold blanks and be longer than a socket's may.
  std::string folder = run_folder() + "/site-" + crypto::random_hex(4);
  std::filesystem::create_directories(folder);
  install_includes(folder, run, cached);
  std::ofstream configuration(folder + "/nginx.conf");
  if (::geteuid() == 0) configuration << "user root;\n";
  if (cached) {
    for (const char* module : {"ndk_http_module", "ngx_http_set_misc_module"}) {
      configuration << "load_module /usr/lib/nginx/modules/" << module << ".so;\n";
    }
  }
  configuration
      << "daemon off;\npid nginx.pid;\nerror_log error.log;\n"
      << "events { worker_connections 256; }\nhttp {\n  access_log off;\n"
      << "  client_body_temp_path body; fastcgi_temp_path fastcgi; proxy_temp_path proxy;\n"
      << "  scgi_temp_path scgi; uwsgi_temp_path uwsgi;\n"
      // What a site may have set for itself.
      << "  fastcgi_cache_use_stale error timeout http_500 http_503;\n"
      << "  include snippets/users-fcgi/users_http.conf;\n  include "
         "snippets/users-fcgi/users_site.conf;\n"
      << "  server {\n    listen unix:" << folder << "/nginx.sock;\n"
      << "    set_real_ip_from unix:; real_ip_header X-Test-Address;\n"
      << "    include snippets/users-fcgi/users.conf;\n"
      << "    location / { return 200 'the site'; }\n"
      << "    location ^~ /private/ {\n      include snippets/users-fcgi/users_auth.conf;\n"
      << "      proxy_pass http://unix:" << folder << "/backend.sock;\n    }\n  }\n"
      << "  server {\n    listen unix:" << folder << "/backend.sock;\n"
      << "    location / { return 200 'user $http_x_user_id'; }\n  }\n}\n";
  return folder;
}

}  // namespace

void install_includes(const std::filesystem::path& folder, const std::string& run, bool cached) {
  namespace fs = std::filesystem;
  fs::create_directory(folder / "snippets");
  fs::copy("nginx", folder / "snippets/users-fcgi", fs::copy_options::recursive);
  if (cached) {
    fs::rename(folder / "snippets/users-fcgi/users_auth_cache.conf.example",
               folder / "snippets/users-fcgi/users_auth_cache.conf");
  }
  run_script("sed -i 's/^#https/https/' '" +
             (folder / "snippets/users-fcgi/users_cors_origins.conf").string() + "'");
  std::ifstream shipped("nginx/users_site.conf");
  std::ofstream edited(folder / "snippets/users-fcgi/users_site.conf");
  const std::pair<std::string, std::string> folders[] = {
      {"/run/users-fcgi-nginx/", folder.string() + "/"},
      {"/run/users-fcgi/", run + "/"},
      {"/usr/share/users-fcgi/", (folder / "snippets/users-fcgi/").string()}};
  for (std::string line; std::getline(shipped, line);) {
    for (const auto& [shipped_folder, own] : folders) {
      const auto at = line.find(shipped_folder);
      if (at != std::string::npos) line.replace(at, shipped_folder.size(), own);
    }
    if (cached && line.starts_with("#fastcgi_cache_path")) line.erase(0, 1);
    edited << line << '\n';
  }
}

unsigned free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool ok = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!ok) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

Daemon::Daemon(const std::vector<std::string>& command, const std::vector<std::string>& environment,
               const std::string& log)
    : pid_(::fork()) {
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) become(command, environment, log);
}

Daemon::~Daemon() {
  ::kill(-pid_, SIGTERM);
  if (!wait_until(10, [this] { return ::waitpid(pid_, nullptr, WNOHANG) == pid_; })) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::kill(-pid_, SIGKILL);  // children that outlived their leader
}

Site::Site(const std::string& run, bool cached)
    : folder_(make_site_folder(run, cached)),
      nginx_({"nginx", "-p", folder_, "-c", folder_ + "/nginx.conf"}, {}, folder_ + "/output.log") {
  const bool answers = wait_until(30, [this] {
    return send(base_url(), {.method = "GET", .path = "/", .headers = {}}).status == 200;
  });
  if (!answers) throw std::runtime_error("nginx does not start, see " + folder_ + "/output.log");
}

}  // namespace users::test
