// users-ctl doctor: caches of protected pages, and of the check's replies.

#include "ctl/doctor_site.hpp"

using namespace users::test;

namespace {

struct CachesFixture : LocationsFixture {
  const Mend gone{[this] { fs::remove_all(state + "/doctor-cache"); }};

  /// The check's replies are cached with these lines in place of users_check_cache.conf.
  [[nodiscard]] Changes with_check_cache(const std::string& lines) const {
    const auto replace = [](std::string text, const std::string& what, const std::string& by) {
      return boost::replace_all_copy(std::move(text), what, by);
    };
    const std::string check = folder.path() / "users_check.conf";
    const std::string site = folder.path() / "users.conf";
    std::ofstream(check) << replace(read_file("nginx/users_check.conf"),
                                    "include snippets/users-fcgi/users_check_cache.conf;",
                                    "fastcgi_cache doctor; " + lines);
    std::ofstream(site) << replace(read_file("nginx/users.conf"),
                                   "snippets/users-fcgi/users_check.conf", check);
    return {{kHttp, kHttp + "\nfastcgi_cache_path doctor-cache keys_zone=doctor:1m;"},
            {kServer, "include " + site + ";"}};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(doctor_caches, CachesFixture)

BOOST_AUTO_TEST_CASE(a_cache_that_gives_one_users_page_to_another) {
  const std::string path =
      "proxy_cache_path doctor-cache keys_zone=doctor:1m; fastcgi_cache_path doctor-cache/f "
      "keys_zone=other:1m;";
  const auto with = [&](const std::string& level, const std::string& text) {
    return Changes{{kHttp, kHttp + "\n" + path}, {level, level + "\n" + text}};
  };
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

BOOST_AUTO_TEST_CASE(a_cache_of_the_check_that_lets_in_others) {
  struct Key {
    const char* key;
    const char* missing;
  };
  for (const auto& [key, missing] :
       {Key{"$host$http_authorization$http_cookie", "no $uri:"},
        Key{"$uri$http_authorization$http_cookie", "no $host:"},
        Key{"$uri$host$http_cookie", "no $http_authorization:"},
        Key{"$uri$host$http_authorization", "no $http_cookie:"},
        Key{"${uri_x}$hostname$http_authorization_x$http_cookie", "no $uri, $host, $http_auth"},
        Key{"$host$request_method", "no $uri, $http_authorization, $http_cookie:"}}) {
    const std::string set = "set $key \"" + std::string(key) + "\"; fastcgi_cache_key $key;";
    for (const std::string& lines : {"fastcgi_cache_key " + std::string(key) + ";", set}) {
      look_with(with_check_cache("set $uri_x a; " + lines));
      expect_found({"nginx cache", "problem", missing, "users_check_cache.conf.example"});
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cache_of_the_check_that_shows_or_keeps_too_much) {
  // set_sha1 is of a module that may be missing.
  fake_nginx("[ \"$1\" = -t ] ||");
  const std::string parts = "\"$uri\\n$host\\n$http_authorization\\n${http_cookie}\"";
  const Fault shown{"nginx cache", "warning", "tokens stand in the cache files",
                    "users_check_cache.conf.example"};
  finds_with(with_check_cache("fastcgi_cache_key " + parts + ";"), shown);
  finds_with(with_check_cache("set $key " + parts + "; fastcgi_cache_key $key;"), shown);
  finds_with(with_check_cache("set_base32 $key " + parts + "; fastcgi_cache_key $key;"), shown);
  const std::string hashed = "set_sha1 $key " + parts + "; fastcgi_cache_key $key;";
  const Fault kept{"nginx cache", "warning", "for so long a session that has ended gets in",
                   "users_check_cache.conf.example"};
  for (const char* time : {"204 5m", "any 1h", "200 204 61s", "204 1d", "204 1m1s", "204 3600"}) {
    finds_with(with_check_cache(hashed + "fastcgi_cache_valid " + time + ";"), kept);
  }
  for (const char* time : {"204 5s", "204 1m", "204 5s; fastcgi_cache_valid any 1h", "404 1h"}) {
    passes_nginx("nginx cache", with_check_cache(hashed + "fastcgi_cache_valid " + time + ";"));
  }
  for (const char* hash : {"set_md5", "set_sha1"}) {
    passes_nginx("nginx cache",
                 with_check_cache(std::string(hash) + " $key " + parts +
                                  "; fastcgi_cache_key $key; fastcgi_cache_valid 204 5s;"));
  }
  passes_nginx("nginx cache", with_check_cache(read_file("nginx/users_check_cache.conf.example")));
}

BOOST_AUTO_TEST_CASE(a_private_page_that_browsers_keep) {
  const Fault fault{"nginx cache", "warning", "keep a private page", "expires off;"};
  for (const char* time : {"30d", "max", "modified +24h", "@15h30m"}) {
    finds_in_sample("expires " + std::string(time) + ";", fault);
  }
  for (const std::string& level : {kHttp, kServer}) {
    finds_with({{level, level + " expires 1h;"}}, fault);
    passes_nginx("nginx cache",
                 {{level, level + " expires 1h;"}, {kSample, kSample + "expires off;"}});
  }
  finds_in_sample("location /private/in/ { expires 1h; }", fault);
  for (const char* time : {"off", "epoch", "-1", "0", "modified -1h"}) {
    passes_in_sample("nginx cache", "expires " + std::string(time) + ";");
  }
  passes_nginx("nginx cache", {{kOpen, kOpen + "expires 30d;"}});
}

BOOST_AUTO_TEST_SUITE_END()
