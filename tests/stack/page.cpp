// The page at /users/ as nginx serves it: its files, their headers, nothing else.
#include <boost/test/unit_test.hpp>

#include "support/nginx_site.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

HttpReply ask(const std::string& path, const std::string& method = "GET",
              std::vector<std::string> headers = {}, const std::string& base = base_url()) {
  return send(base, {.method = method, .path = path, .headers = std::move(headers)});
}

void check_headers(const HttpReply& reply, std::string_view type) {
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.header("content-type") == type);
  BOOST_TEST(reply.header("content-security-policy") == kPolicy);
  BOOST_TEST(reply.header("x-content-type-options") == "nosniff");
  BOOST_TEST(reply.header("referrer-policy") == "same-origin");
  BOOST_TEST(reply.header("cache-control") == "no-cache");
  BOOST_TEST(reply.header("etag") != "");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(page)

BOOST_AUTO_TEST_CASE(the_page_and_its_files_have_their_types_and_a_strict_policy) {
  const std::pair<const char*, const char*> files[] = {
      {"/users/", "text/html; charset=utf-8"},
      {"/users/?next=/private/a?b=c&d=e", "text/html; charset=utf-8"},
      {"/users/static/users.css", "text/css; charset=utf-8"},
      {"/users/static/users.js", "text/javascript; charset=utf-8"},
      {"/users/static/icon.svg", "image/svg+xml"},
  };
  for (const auto& [path, type] : files) {
    BOOST_TEST_CONTEXT(path) {
      check_headers(ask(path), type);
      const HttpReply head = ask(path, "HEAD");
      check_headers(head, type);
      BOOST_TEST(head.body == "");
    }
  }
  BOOST_TEST(ask("/users/").body.starts_with("<!DOCTYPE html>"));
  BOOST_TEST(ask("/users").header("location").ends_with("/users/"));
}

BOOST_AUTO_TEST_CASE(the_page_has_no_code_or_style_of_its_own_and_nothing_from_elsewhere) {
  const std::string html = ask("/users/").body;
  for (const char* foreign :
       {"<style", " style=", " onclick", "javascript:", "http:", "https:", "src=\"//"}) {
    BOOST_TEST(html.find(foreign) == std::string::npos, foreign);
  }
  const std::string inline_script = "<script type=\"module\">";
  BOOST_TEST(html.find(inline_script) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_a_browser_has_is_not_sent_again) {
  for (const char* path : {"/users/", "/users/static/users.js"}) {
    const HttpReply same = ask(path, "GET", {"If-None-Match: " + ask(path).header("etag")});
    BOOST_TEST(same.status == 304);
    BOOST_TEST(same.body == "");
    BOOST_TEST(ask(path, "GET", {"If-None-Match: \"another\""}).status == 200);
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
  for (const char* path : {"/users/", "/users/?next=/a", "/users/static/users.js"}) {
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"}) {
      BOOST_TEST_CONTEXT(method << " " << path) {
        const HttpReply reply = ask(path, method);
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
        "/users/static//etc/passwd"}) {
    BOOST_TEST_CONTEXT(path) {
      const HttpReply reply = ask(path);
      BOOST_TEST(reply.status == 404);
      BOOST_TEST(reply.code() == 9002);
      BOOST_TEST(reply.header("cache-control") == "no-store");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_site_has_the_page_by_the_same_includes) {
  const Site site(run_folder());
  check_headers(ask("/users/", "GET", {}, site.base_url()), "text/html; charset=utf-8");
  check_headers(ask("/users/static/users.js", "GET", {}, site.base_url()),
                "text/javascript; charset=utf-8");
}

BOOST_AUTO_TEST_SUITE_END()
