// The description of the API and the reference made from it, as nginx serves them.
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "support/nginx_site.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

HttpReply get(const std::string& path, std::vector<std::string> headers = {},
              const std::string& method = "GET") {
  return send(base_url(), {.method = method, .path = path, .headers = std::move(headers)});
}

std::string file(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream("nginx/html/" + name).rdbuf();
  return text.str();
}

void check_headers(const HttpReply& reply, const std::string& type) {
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.header("content-type") == type);
  BOOST_TEST(reply.header("x-content-type-options") == "nosniff");
  BOOST_TEST(reply.header("cache-control") == "no-cache");
  BOOST_TEST(!reply.header("etag").empty());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(description)

BOOST_AUTO_TEST_CASE(openapi_json_is_the_file_of_the_checkout) {
  const HttpReply reply = get("/users/openapi.json");
  check_headers(reply, "application/json");
  BOOST_TEST((reply.body == file("openapi.json")));
  BOOST_TEST(nlohmann::json::parse(reply.body)["openapi"] == "3.1.0");
}

BOOST_AUTO_TEST_CASE(openapi_json_may_be_read_from_any_origin_but_nothing_else_may) {
  const std::vector<std::string> origin{"Origin: https://editor.invalid"};
  const std::string name = "access-control-allow-origin";
  BOOST_TEST(get("/users/openapi.json", origin).header(name) == "*");
  BOOST_TEST(get("/users/docs/", origin).header(name).empty());
  BOOST_TEST(get("/users/me", origin).header(name).empty());
}

BOOST_AUTO_TEST_CASE(the_reference_runs_and_shows_nothing_but_its_own_files) {
  const std::pair<const char*, const char*> files[] = {
      {"/users/docs/", "text/html; charset=utf-8"},
      {"/users/docs/index.html", "text/html; charset=utf-8"},
      {"/users/docs/docs.js", "text/javascript; charset=utf-8"},
      {"/users/docs/docs.css", "text/css; charset=utf-8"}};
  for (const auto& [path, type] : files) {
    BOOST_TEST_CONTEXT(path) {
      const HttpReply reply = get(path);
      check_headers(reply, type);
      const std::string policy = reply.header("content-security-policy");
      BOOST_TEST(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
      BOOST_TEST(policy.find("frame-ancestors 'none'") != std::string::npos);
      BOOST_TEST(policy.find("unsafe") == std::string::npos);
      BOOST_TEST(reply.header("referrer-policy") == "same-origin");
    }
  }
  const std::string page = get("/users/docs/").body;
  BOOST_TEST((page == file("docs/index.html")));
  BOOST_TEST(page.find("<style") == std::string::npos);
  BOOST_TEST(page.find("style=") == std::string::npos);
  BOOST_TEST(page.find("//") == std::string::npos, "the page names another host");
  BOOST_TEST(page.find("<noscript>") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_reference_is_found_without_its_last_slash) {
  const HttpReply reply = get("/users/docs");
  BOOST_TEST(reply.status == 301);
  BOOST_TEST(reply.header("location") == "/users/docs/");
}

BOOST_AUTO_TEST_CASE(what_has_not_changed_is_not_sent_again) {
  for (const char* path : {"/users/openapi.json", "/users/docs/docs.js"}) {
    const HttpReply first = get(path);
    const HttpReply again = get(path, {"If-None-Match: " + first.header("etag")});
    BOOST_TEST(again.status == 304, path);
    BOOST_TEST(again.body.empty(), path);
  }
}

BOOST_AUTO_TEST_CASE(head_is_get_without_the_body) {
  for (const char* path : {"/users/openapi.json", "/users/docs/"}) {
    const HttpReply whole = get(path);
    const HttpReply head = get(path, {}, "HEAD");
    BOOST_TEST(head.status == 200, path);
    BOOST_TEST(head.body.empty(), path);
    for (const char* name : {"content-type", "content-length", "etag"}) {
      BOOST_TEST(head.header(name) == whole.header(name), path << " " << name);
    }
  }
}

BOOST_AUTO_TEST_CASE(any_other_method_or_file_is_refused_in_the_form_of_the_service) {
  for (const char* path : {"/users/openapi.json", "/users/docs/", "/users/docs/docs.js"}) {
    for (const char* method : {"POST", "PUT", "DELETE"}) {
      const HttpReply reply = get(path, {}, method);
      BOOST_TEST(reply.status == 405, method << " " << path);
      BOOST_TEST(reply.code() == 9003, reply.body);
      BOOST_TEST(reply.header("allow") == "GET, HEAD", method << " " << path);
    }
  }
  for (const char* path : {"/users/openapi.json/", "/users/openapi.yaml", "/users/docs/nothing",
                           "/users/docs/../nginx.conf.in", "/users/docs/..%2fusers.conf",
                           "/users/docs../users.conf", "/users/docsx"}) {
    const HttpReply reply = get(path);
    BOOST_TEST(reply.status == 404, path);
    BOOST_TEST(reply.code() == 9002, path << " " << reply.body);
  }
}

BOOST_AUTO_TEST_CASE(a_site_with_the_shipped_includes_serves_them) {
  const Site site(run_folder());
  for (const char* path : {"/users/openapi.json", "/users/docs/"}) {
    const HttpReply reply = send(site.base_url(), {.method = "GET", .path = path, .headers = {}});
    BOOST_TEST(reply.status == 200, path);
  }
}

BOOST_AUTO_TEST_SUITE_END()
