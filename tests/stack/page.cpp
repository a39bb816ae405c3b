// What nginx serves at /users/ from nginx/html: the page, the API description and the reference
// made from it, with their headers, and nothing else.
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "support/nginx_site.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

struct File {
  const char* path;
  const char* type;
  const char* name;  ///< below nginx/html
};

constexpr File kFiles[] = {
    {"/users/", "text/html; charset=utf-8", "index.html"},
    {"/users/?next=/private/a?b=c&d=e", "text/html; charset=utf-8", "index.html"},
    {"/users/static/users.css", "text/css; charset=utf-8", "users.css"},
    {"/users/static/users.js", "text/javascript; charset=utf-8", "users.js"},
    {"/users/static/icon.svg", "image/svg+xml", "icon.svg"},
    {"/users/openapi.json", "application/json", "openapi.json"},
    {"/users/docs/", "text/html; charset=utf-8", "docs/index.html"},
    {"/users/docs/index.html", "text/html; charset=utf-8", "docs/index.html"},
    {"/users/docs/docs.js", "text/javascript; charset=utf-8", "docs/docs.js"},
    {"/users/docs/docs.css", "text/css; charset=utf-8", "docs/docs.css"}};

HttpReply ask(const std::string& path, const std::string& method = "GET",
              std::vector<std::string> headers = {}, const std::string& base = base_url()) {
  return send(base, {.method = method, .path = path, .headers = std::move(headers)});
}

void check_headers(const HttpReply& reply, const File& file) {
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.header("content-type") == file.type);
  BOOST_TEST(reply.header("x-content-type-options") == "nosniff");
  BOOST_TEST(reply.header("cache-control") == "no-cache");
  BOOST_TEST(reply.header("etag") != "");
  if (std::string_view(file.name) == "openapi.json") return;
  BOOST_TEST(reply.header("content-security-policy") == kPolicy);
  BOOST_TEST(reply.header("referrer-policy") == "same-origin");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(page)

BOOST_AUTO_TEST_CASE(each_file_is_that_of_the_checkout_with_its_type_and_a_strict_policy) {
  for (const File& file : kFiles) {
    BOOST_TEST_CONTEXT(file.path) {
      const HttpReply whole = ask(file.path);
      check_headers(whole, file);
      std::ostringstream content;
      content << std::ifstream(std::string("nginx/html/") + file.name).rdbuf();
      BOOST_TEST((whole.body == content.str()));
      const HttpReply head = ask(file.path, "HEAD");
      check_headers(head, file);
      BOOST_TEST(head.body == "");
      for (const char* name : {"content-length", "etag"}) {
        BOOST_TEST(head.header(name) == whole.header(name), name);
      }
    }
  }
  BOOST_TEST(ask("/users").header("location").ends_with("/users/"));
  BOOST_TEST(ask("/users/docs").header("location") == "/users/docs/");
  BOOST_TEST(ask("/users/docs").status == 301);
}

BOOST_AUTO_TEST_CASE(a_page_has_no_code_or_style_of_its_own_and_nothing_from_elsewhere) {
  for (const char* path : {"/users/", "/users/docs/"}) {
    const std::string html = ask(path).body;
    for (const char* foreign : {"<style", " style=", " onclick", "javascript:", "http:", "https:",
                                "src=\"//", "<script type=\"module\">"}) {
      BOOST_TEST(html.find(foreign) == std::string::npos, path << foreign);
    }
  }
  BOOST_TEST(ask("/users/").body.starts_with("<!DOCTYPE html>"));
  const std::string reference = ask("/users/docs/").body;
  BOOST_TEST(reference.find("//") == std::string::npos, "the page names another host");
  BOOST_TEST(reference.find("<noscript>") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(openapi_json_may_be_read_from_any_origin_but_nothing_else_may) {
  const std::vector<std::string> origin{"Origin: https://editor.invalid"};
  for (const auto& [path, allowed] :
       {std::pair{"/users/openapi.json", "*"}, {"/users/docs/", ""}, {"/users/me", ""}}) {
    BOOST_TEST(ask(path, "GET", origin).header("access-control-allow-origin") == allowed, path);
  }
}

BOOST_AUTO_TEST_CASE(what_a_browser_has_is_not_sent_again) {
  for (const File& file : kFiles) {
    const HttpReply same =
        ask(file.path, "GET", {"If-None-Match: " + ask(file.path).header("etag")});
    BOOST_TEST(same.status == 304, file.path);
    BOOST_TEST(same.body == "", file.path);
    BOOST_TEST(ask(file.path, "GET", {"If-None-Match: \"another\""}).status == 200, file.path);
  }
}

BOOST_AUTO_TEST_CASE(its_files_are_compressed_for_who_takes_that) {
  for (const char* path : {"/users/", "/users/static/users.js", "/users/static/users.css",
                           "/users/openapi.json", "/users/docs/", "/users/docs/docs.js"}) {
    BOOST_TEST_CONTEXT(path) {
      const HttpReply plain = ask(path);
      BOOST_TEST(plain.header("content-encoding") == "");
      BOOST_TEST(plain.header("vary") == "Accept-Encoding");
      const HttpReply reply = ask(path, "GET", {"Accept-Encoding: gzip"});
      BOOST_TEST(reply.header("content-encoding") == "gzip");
      BOOST_TEST(reply.body.size() < plain.body.size() * 2 / 3);
      const std::vector<std::string> known{"Accept-Encoding: gzip",
                                           "If-None-Match: " + reply.header("etag")};
      BOOST_TEST(ask(path, "GET", known).status == 304);
    }
  }
}

BOOST_AUTO_TEST_CASE(only_get_and_head_are_allowed) {
  for (const File& file : kFiles) {
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"}) {
      BOOST_TEST_CONTEXT(method << " " << file.path) {
        const HttpReply reply = ask(file.path, method);
        BOOST_TEST(reply.status == 405);
        BOOST_TEST(reply.code() == 9003);
        BOOST_TEST(reply.header("allow") == "GET, HEAD");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(other_files_are_404) {
  for (const char* path :
       {"/users/index.html", "/users/users.js", "/users/static", "/users/static/nothing.js",
        "/users/static/../users.conf", "/users/static/..%2fusers.conf",
        "/users/static/%2e%2e/users.conf", "/users/static../users.conf", "/users/static/users.js/",
        "/users/static//etc/passwd", "/users/openapi.json/", "/users/openapi.yaml",
        "/users/docs/nothing", "/users/docs/../nginx.conf.in", "/users/docs/..%2fusers.conf",
        "/users/docs../users.conf", "/users/docsx"}) {
    BOOST_TEST_CONTEXT(path) {
      const HttpReply reply = ask(path);
      BOOST_TEST(reply.status == 404);
      BOOST_TEST(reply.code() == 9002);
      BOOST_TEST(reply.header("cache-control") == "no-store");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_site_has_them_by_the_same_includes) {
  const Site site(run_folder());
  for (const File& file : kFiles) check_headers(ask(file.path, "GET", {}, site.plain()), file);
}

BOOST_AUTO_TEST_SUITE_END()
