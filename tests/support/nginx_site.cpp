#include "support/nginx_site.hpp"

#include <fstream>
#include <stdexcept>

#include <unistd.h>

#include "base/crypto.hpp"
#include "support/stack.hpp"

namespace users::test {
namespace {

constexpr const char* kHead = R"(
daemon off;
pid nginx.pid;
error_log error.log;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path body;
  fastcgi_temp_path     fastcgi;
  proxy_temp_path       proxy;
  scgi_temp_path        scgi;
  uwsgi_temp_path       uwsgi;
  include snippets/users-fcgi/users_http.conf;
  include snippets/users-fcgi/users_site.conf;
)";

std::string make_folder(const std::string& http) {
  // Not in the state folder, whose name may hold blanks and be longer than a socket's may.
  std::string folder = run_folder() + "/nginx-" + crypto::random_hex(4);
  std::filesystem::create_directories(folder);
  install_includes(folder, run_folder());
  run_script(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "
      "/CN=127.0.0.1 -keyout '" +
      folder + "/key.pem' -out '" + folder + "/cert.pem'");
  std::string text = kHead + http + "}\n";
  constexpr std::string_view kName = "@FOLDER@";
  for (auto at = text.find(kName); at != std::string::npos; at = text.find(kName, at)) {
    text.replace(at, kName.size(), folder);
  }
  std::ofstream(folder + "/nginx.conf") << (::geteuid() == 0 ? "user root;" : "") << text;
  return folder;
}

}  // namespace

NginxSite::NginxSite(const std::string& http)
    : folder_(make_folder(http)),
      nginx_({"nginx", "-p", folder_, "-c", folder_ + "/nginx.conf"}, {}, folder_ + "/output.log") {
  const bool answers = wait_until(30, [this] {
    return send(secure(), {.method = "GET", .path = "/", .headers = {}}).status != 0;
  });
  if (!answers) {
    throw std::runtime_error("nginx does not start: " +
                             run_command("cat '" + folder_ + "/output.log'").output);
  }
}

}  // namespace users::test
