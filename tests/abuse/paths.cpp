// Paths that try to lead elsewhere: each reaches what its plain form names, or nothing.
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "support/nginx_site.hpp"
#include "support/stack.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

HttpReply get(const std::string& base, const std::string& path, const std::string& from = "") {
  return send(base, {.method = "GET", .path = path, .headers = {}, .source_address = from});
}

/// Paths to files next to and above the page's folder, and to the machine's own.
const std::vector<std::string> kClimbs = words(R"(
    /../users.conf /..%2fusers.conf /%2e%2e/users.conf /%2e%2e%2fusers.conf ../users.conf
    ..%2fusers.conf /..%5cusers.conf /..\users.conf /....//users.conf /%252e%252e%252fusers.conf
    /..;/users.conf /.%2e/users.conf //../users.conf /./../users.conf /%c0%ae%c0%ae/users.conf
    /../../../../../../../../etc/passwd /%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd
    //etc/passwd /%00.html /index.html%00.js /../../secrets/key /../nginx.conf.in)");

}  // namespace

BOOST_AUTO_TEST_SUITE(paths)

BOOST_AUTO_TEST_CASE(what_is_no_spelling_of_an_endpoint_is_404) {
  for (const std::string& path : words(R"(
         /users/regist/ /users/regist. /users/regist.. /users/regist%20 /users/regist;x
         /users/regist;/ /users/regist%3Fx /users/regist%23 /users/Regist /users/regist%09
         /users/regist.json /users/regist%2e /users/regist%5c /users/%252e%252e/regist
         /users/regist%2fx /users/%E2%80%8Eregist /users/r%C3%A9gist /users/regist%E3%80%82)")) {
    const HttpReply reply = send(base_url(), {.path = path, .body = "{}"});
    BOOST_TEST(reply.status == 404, path << ": " << reply.status << " " << reply.body);
    BOOST_TEST(reply.code() == 9002, path);
  }
  // Outside /users/ the site answers, not the service.
  for (const std::string& path : words(R"(
         /users/../regist /USERS/regist /users%2e/regist /users /users;/regist
         /users/%2e%2e/regist /usersregist /users/..%2fregist)")) {
    BOOST_TEST(send(base_url(), {.path = path, .body = "{}"}).code() == -1, path);
  }
}

BOOST_AUTO_TEST_CASE(any_spelling_of_an_endpoint_is_limited_as_the_plain_one) {
  const Site site(run_folder());
  int client = 0;
  for (const std::string& path : words(R"(
         //users/regist /users//regist /users/./regist /x/../users/regist /users/%72egist
         /%75sers/regist /users/static/../regist /users/x/%2e%2e/regist /users%2fregist
         /users/regist?x=/users/me)")) {
    // 30 at once exceed a burst of 20; a cheap endpoint would allow 40.
    int limited = 0;
    int answered = 0;
    const std::string from = "127.0.1." + std::to_string(++client);
    for (int i = 0; i < 30; ++i) {
      const HttpReply reply =
          send(site.plain(), {.path = path, .body = "{}", .source_address = from});
      if (reply.status == 429) ++limited;
      if (reply.code() == 1001) ++answered;
    }
    BOOST_TEST(limited > 0, path);
    BOOST_TEST(limited + answered == 30, path << ": " << answered);
  }
}

BOOST_AUTO_TEST_CASE(health_and_metrics_are_for_the_sites_own_addresses_by_any_spelling) {
  for (const std::string& path : words(R"(
         /users/metrics //users/metrics /users//metrics /users/./metrics /users/%6detrics
         /users/x/../metrics /users/metrics?x /users/metrics/ /users/static/../metrics
         /users/docs/..//metrics /users%2fmetrics /users/metrics%2f /users/metrics;
         /users/metrics%00 /users/health/live /users/health//ready /users/%68ealth/live
         /users/health/../metrics /users/health /users/_err/../metrics)")) {
    const HttpReply reply = get(base_url(), path, "127.0.0.9");
    BOOST_TEST((reply.status == 404 || reply.status == 400), path << ": " << reply.status);
    BOOST_TEST(!contains(reply.body, "users_"), path);
  }
  // The full URL in the request line, with a host that looks trusted.
  for (const char* host : {"127.0.0.1", "localhost", "sample"}) {
    const HttpReply reply =
        send(base_url(), {.method = "GET",
                          .path = "/users/metrics",
                          .headers = {"Host: " + std::string(host), "X-Forwarded-For: 127.0.0.1",
                                      "X-Real-IP: 127.0.0.1"},
                          .source_address = "127.0.0.9"});
    BOOST_TEST(reply.status == 404, host);
  }
}

BOOST_AUTO_TEST_CASE(the_static_files_lead_to_no_other_file) {
  for (const std::string& folder : words("/users/static /users/docs /users/openapi.json")) {
    for (const std::string& climb : kClimbs) {
      const std::string path = folder + climb;
      const HttpReply reply = get(base_url(), path);
      BOOST_TEST((reply.status == 404 || reply.status == 400), path << ": " << reply.status);
      BOOST_TEST(!contains(reply.body, "fastcgi"), path);
      BOOST_TEST(!contains(reply.body, "root:"), path);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_dotfile_beside_the_page_is_not_served) {
  const Site site(run_folder());
  const std::string html = site.folder() + "/snippets/users-fcgi/html/";
  run_script("mkdir -p '" + html + ".git' '" + html + "docs/.svn' && chmod 0755 '" + html +
             ".git' '" + html + "docs/.svn'");
  for (const std::string& name :
       words(".htpasswd .git/config .index.html.swp docs/.env docs/.svn/entries")) {
    std::ofstream(html + name) << "planted";
    run_script("chmod 0644 '" + html + name + "'");
    for (const std::string& path :
         {"/users/static/" + name, "/users/static/./" + name, "/users/static//" + name,
          "/users/static/%2e" + name.substr(1),
          "/users/docs/" + name.substr(name.starts_with("docs/") ? 5 : 0)}) {
      const HttpReply reply = get(site.plain(), path);
      BOOST_TEST(reply.status == 404, path << ": " << reply.status);
      BOOST_TEST(!contains(reply.body, "planted"), path);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_folder_is_listed) {
  for (const char* path :
       {"/users/static/", "/users/static", "/users/docs/static/", "/users/static/docs/"}) {
    BOOST_TEST(get(base_url(), path).body.find("Index of") == std::string::npos, path);
  }
  BOOST_TEST(get(base_url(), "/users/static/").body == get(base_url(), "/users/").body);
}

BOOST_AUTO_TEST_SUITE_END()
