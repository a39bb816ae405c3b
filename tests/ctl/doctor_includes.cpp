// users-ctl doctor: nginx's configuration in many files, and parts that it cannot read.

#include <unistd.h>

#include "ctl/doctor_fixture.hpp"

using namespace users::test;

namespace {

const std::string kHttp = "http {";
const std::string kSample = "location ^~ /private/ {";
const std::string kAuth = "include snippets/users-fcgi/users_auth.conf;";
const std::string kIdentity = "include snippets/users-fcgi/users_identity.conf;";
const std::string kDropped = "proxy_set_header A b; proxy_pass http://127.0.0.1:9;";

struct IncludesFixture : DoctorFixture {
  fs::path site = fs::path(state) / "doctor-site";
  const Mend gone{[this] { fs::remove_all(site); }};

  IncludesFixture() { fs::create_directory(site); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(site / name) << text << "\n";
  }

  /// nginx -t accepts every configuration, even with modules that are not installed.
  void take_everything() { fake_nginx("[ \"$1\" = -t ] ||"); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(doctor_includes, IncludesFixture)

BOOST_AUTO_TEST_CASE(a_location_whose_parents_stand_in_other_files) {
  const std::string include = "include doctor-site/*.conf; " + kSample;
  write("a.conf", "location ^~ /members/ { include doctor-site/members; }");
  write("members", kAuth + " include " + (site / "inner").string() + ";");
  write("inner", "location /members/in/ { " + kDropped + " }");
  const Fault fault{"nginx identity", "problem",
                    "location /members/in/ of " + (site / "inner").string(), kIdentity};
  finds_with({{kSample, include}}, fault);
  write("inner", "location /members/in/ { " + kIdentity + kDropped + " }");
  passes_nginx("nginx identity", {{kSample, include}});
  write("b.conf", "location ^~ /members/b/ { " + kAuth + " satisfy any; }");
  finds_with({{kSample, include}}, {"nginx session", "problem", "/members/b/ of", "satisfy all;"});
}

BOOST_AUTO_TEST_CASE(the_servers_of_one_file_are_told_apart) {
  const std::string other = "server { listen unix:other.sock; satisfy any; location / { " +
                            kDropped + " location /in/ { auth_request off; } } }";
  for (const char* check : {"nginx identity", "nginx session", "nginx precedence"}) {
    passes_nginx(check, {{"geo $users_trusted {", other + " geo $users_trusted {"}});
  }
  const auto ours = [](const std::string& text) {
    return "server { listen unix:ours.sock; include snippets/users-fcgi/users.conf; " + text +
           " location ^~ /members/ { " + kAuth + " } }";
  };
  const std::string include = kHttp + " include doctor-site/*.conf;";
  write("a.conf",
        "server { listen unix:ours.sock; include snippets/users-fcgi/users.conf; "
        "location / { proxy_pass http://127.0.0.1:9; } }");
  finds_with({{kHttp, include}},
             {"nginx identity", "warning", "location / of " + site.string(), ""});
  write("a.conf", other + ours(""));
  passes_nginx("nginx session", {{kHttp, include}});
  write("a.conf", other + ours("satisfy any;"));
  finds_with({{kHttp, include}},
             {"nginx session", "problem", "/members/ of " + site.string(), "all;"});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_not_called_right) {
  take_everything();
  const std::string lua =
      "location /lua { content_by_lua_block { local a = \"}\" -- }'\n a = [[ } ]] --[[ \n } ]] } }";
  for (const char* check : {"nginx identity", "nginx session", "nginx cache"}) {
    finds_with({{kSample, lua + kSample}},
               {check, "skipped", "not looked at: content_by_lua_block", ""});
  }
  // It reads on after the block.
  finds_with({{kSample, lua + kSample + " location /private/in/ { " + kDropped + " }"}},
             {"nginx identity", "problem", "/private/in/", kIdentity});
  passes_nginx("nginx identity",
               {{kHttp, kHttp + " server { listen unix:other.sock; " + lua + " }"}});

  passes_nginx("nginx identity", {{kSample, kSample + " include doctor-site/*.conf;"}});
  finds_with({{kSample, kSample + " include doctor-site/a.conf;"}},
             {"nginx identity", "skipped", "a.conf, which", ""});
  write("a.conf", "include doctor-site/a.conf;");
  look_with({{kSample, kSample + " include doctor-site/a.conf;"}});
  expect({"nginx paths", "problem", "than doctor reads", "does not run nginx"});
}

BOOST_AUTO_TEST_SUITE_END()
