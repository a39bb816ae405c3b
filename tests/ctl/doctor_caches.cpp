// users-ctl doctor: caches of protected pages, and of the check's replies.

#include "ctl/doctor_site.hpp"

using namespace users::test;

BOOST_FIXTURE_TEST_SUITE(doctor_caches, LocationsFixture)

BOOST_AUTO_TEST_CASE(a_cache_that_gives_one_users_page_to_another) {
  const std::string path =
      "proxy_cache_path doctor-cache keys_zone=doctor:1m; fastcgi_cache_path doctor-cache/f "
      "keys_zone=other:1m;";
  const auto with = [&](const std::string& level, const std::string& text) {
    return Changes{{kHttp, kHttp + "\n" + path}, {level, level + "\n" + text}};
  };
  const Mend gone([&] { fs::remove_all(state + "/doctor-cache"); });
  const Fault fault{"nginx cache", "problem", "the page of one user to others", "proxy_cache off;"};
  finds_with(with(kSample, "location /private/in/ { proxy_cache doctor; " + kPass + " }"), fault);
  finds_with(with(kSample,
                  "location /private/in/ { fastcgi_cache other; fastcgi_cache_key $uri; "
                  "fastcgi_pass 127.0.0.1:9; }"),
             {"nginx cache", "problem", "the page of one user to others", "fastcgi_cache off;"});
  passes_nginx("nginx cache", with(kSample, "location /private/in/ { proxy_cache doctor; }"));
  passes_nginx("nginx cache", with(kSample,
                                   "location /private/in/ { proxy_cache doctor; proxy_cache_key "
                                   "$users_id$uri; " +
                                       kPass + " }"));
  passes_nginx("nginx cache", with(kOpen, kStrip + "proxy_cache doctor; " + kPass));
}

BOOST_AUTO_TEST_CASE(a_cache_of_the_check_that_does_not_know_the_rule) {
  const Mend gone([&] { fs::remove_all(state + "/doctor-cache"); });
  const auto with = [&](const std::string& key) {
    const auto replace = [](std::string text, const std::string& what, const std::string& by) {
      return boost::replace_all_copy(std::move(text), what, by);
    };
    const std::string check = folder.path() / "users_check.conf";
    const std::string site = folder.path() / "users.conf";
    std::ofstream(check) << replace(read_file("nginx/users_check.conf"),
                                    "include snippets/users-fcgi/users_check_cache.conf;",
                                    "fastcgi_cache doctor; " + key);
    std::ofstream(site) << replace(read_file("nginx/users.conf"),
                                   "snippets/users-fcgi/users_check.conf", check);
    return Changes{{kHttp, kHttp + "\nfastcgi_cache_path doctor-cache keys_zone=doctor:1m;"},
                   {kServer, "include " + site + ";"}};
  };
  const Fault fault{"nginx cache", "problem", "has no rule", "users_check_cache.conf.example"};
  finds_with(with("fastcgi_cache_key $http_authorization$http_cookie;"), fault);
  finds_with(with("set $key $http_authorization$http_cookie; fastcgi_cache_key $key;"), fault);
  passes_nginx("nginx cache", with("fastcgi_cache_key $uri$http_authorization$http_cookie;"));
  passes_nginx("nginx cache", with("set $key $uri$http_authorization$http_cookie; "
                                   "fastcgi_cache_key $key;"));
}

BOOST_AUTO_TEST_SUITE_END()
