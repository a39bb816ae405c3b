// What each program of conf/send-sms sends to its provider, and the published examples of the
// signatures.
#include <cstdlib>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "sms/courier.hpp"
#include "sms/program.hpp"
#include "sms/provider.hpp"
#include "sms/signatures.hpp"

namespace users::test {
namespace {

using nlohmann::json;

/// The request that the provider's service accepted.
Received sent(const Provider& provider, const Text& text = {}, const std::string& settings = "") {
  const FakeServer server(provider.service);
  const SendSms programs(provider, server.url(), settings);
  const Ended ended = programs.run(provider.name, message_line(text));
  BOOST_TEST_REQUIRE(ended.status == 0, ended.errors);
  return server.requests().at(0);
}

std::map<std::string, std::string> query_of(const Received& request) {
  return fields_of(request.target.substr(request.target.find('?') + 1));
}

// https://help.aliyun.com/document_detail/2593177.html, the example of fixed parameters.
const Received kAliyunExample{
    .method = "POST",
    .target = "/?RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
    .headers = {{"host", "ecs.cn-shanghai.aliyuncs.com"},
                {"x-acs-action", "RunInstances"},
                {"x-acs-content-sha256",
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                {"x-acs-date", "2023-10-26T10:22:32Z"},
                {"x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"},
                {"x-acs-version", "2014-05-26"}},
    .body = ""};
constexpr const char* kAliyunAuthorization =
    "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
    "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
    "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";

// https://cloud.tencent.com/document/api/213/30654; the masked keys are those it signs with.
const Received kTencentExample{.method = "POST",
                               .target = "/",
                               .headers = {{"host", "cvm.tencentcloudapi.com"},
                                           {"content-type", "application/json; charset=utf-8"},
                                           {"x-tc-action", "DescribeInstances"},
                                           {"x-tc-timestamp", "1551113065"}},
                               .body =
                                   R"({"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], )"
                                   R"("Name": "instance-name"}]})"};
constexpr const char* kTencentAuthorization =
    "TC3-HMAC-SHA256 Credential=AKID********************************/2019-02-25/cvm/tc3_request, "
    "SignedHeaders=content-type;host;x-tc-action, "
    "Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f";

}  // namespace

BOOST_AUTO_TEST_SUITE(requests)

BOOST_AUTO_TEST_CASE(aliyun_signs_as_its_published_example) {
  BOOST_TEST(aliyun_authorization(kAliyunExample, "YourAccessKeyId", "YourAccessKeySecret") ==
             kAliyunAuthorization);
  const Ended ended = SendSms().bash(
      "source conf/send-sms/aliyun; KEY_ID=YourAccessKeyId SECRET=YourAccessKeySecret\n"
      "sign ecs.cn-shanghai.aliyuncs.com RunInstances 2014-05-26 "
      "'ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai' "
      "2023-10-26T10:22:32Z 3156853299f313e23d1673dc12e1703d; printf %s \"${HEADERS[-1]}\"");
  BOOST_TEST(ended.output == std::string("Authorization: ") + kAliyunAuthorization);
}

BOOST_AUTO_TEST_CASE(tencent_signs_as_its_published_example) {
  const std::string masked(32, '*');
  BOOST_TEST(tencent_authorization(kTencentExample, "cvm", "AKID" + masked, masked) ==
             kTencentAuthorization);
  const Ended ended = SendSms().bash(
      "source conf/send-sms/tencent; SECRET='" + masked + "' SECRET_ID=\"AKID$SECRET\"\n" +
      "sign cvm.tencentcloudapi.com cvm DescribeInstances '" + kTencentExample.body +
      "' 1551113065; printf %s \"${HEADERS[-1]}\"");
  BOOST_TEST(ended.output == std::string("Authorization: ") + kTencentAuthorization);
}

BOOST_AUTO_TEST_CASE(a_port_that_goes_without_saying_is_in_no_signature) {
  for (const auto& [url, checked] :
       {std::pair{"https://sms.example.com:443", "https://sms.example.com"},
        {"https://sms.example.com:443/x", "https://sms.example.com/x"},
        {"https://sms.example.com:4430", "https://sms.example.com:4430"},
        {"http://localhost:80/x", "http://localhost/x"},
        {"http://localhost:443", "http://localhost:443"}}) {
    const Ended ended = SendSms().bash(
        "PROVIDER=test; source conf/send-sms/common.sh; SETTINGS[url]=$1; check_url url path; "
        "printf %s \"${SETTINGS[url]}\"",
        "", {url});
    BOOST_TEST(ended.output == checked);
  }
}

BOOST_AUTO_TEST_CASE(aliyun_never_signs_the_same_twice) {
  BOOST_TEST(sent(provider("aliyun")).header("x-acs-signature-nonce") !=
             sent(provider("aliyun")).header("x-acs-signature-nonce"));
}

BOOST_AUTO_TEST_CASE(aliyun_asks_for_the_template_with_the_code) {
  const auto fields = query_of(sent(provider("aliyun")));
  BOOST_TEST(fields.size() == 4U);
  BOOST_TEST(fields.at("PhoneNumbers") == "18866668888");
  BOOST_TEST(fields.at("SignName") == "示例 & 网站");
  BOOST_TEST(fields.at("TemplateCode") == "SMS_1");
  BOOST_TEST(json::parse(fields.at("TemplateParam")) == json({{"code", kCode}}));
  const auto abroad = query_of(sent(provider("aliyun"), {.phone = "+85251234567"}));
  BOOST_TEST(abroad.at("PhoneNumbers") == "85251234567");
}

BOOST_AUTO_TEST_CASE(the_most_special_template_is_chosen) {
  const std::string special =
      "aliyun_template_en = EN\naliyun_template_reset = RESET\naliyun_template_reset_en = "
      "RESET_EN\n"
      "aliyun_template_abroad = ABROAD\n";
  const auto chosen = [&](const Text& text) {
    return query_of(sent(provider("aliyun"), text, special)).at("TemplateCode");
  };
  BOOST_TEST(chosen({.purpose = "login", .language = "zh"}) == "SMS_1");
  BOOST_TEST(chosen({.purpose = "login", .language = "en"}) == "EN");
  BOOST_TEST(chosen({.purpose = "reset", .language = "zh"}) == "RESET");
  BOOST_TEST(chosen({.purpose = "reset", .language = "en"}) == "RESET_EN");
  BOOST_TEST(chosen({.phone = "+85251234567", .purpose = "reset", .language = "en"}) == "ABROAD");
}

BOOST_AUTO_TEST_CASE(tencent_asks_for_the_template_with_its_parameters) {
  const Received request = sent(provider("tencent"), {}, "tencent_params = code,10,a \"b\"\n");
  BOOST_TEST(json::parse(request.body) == json({{"PhoneNumberSet", {"+8618866668888"}},
                                                {"SmsSdkAppId", "1400006666"},
                                                {"SignName", "示例\"网\\站"},
                                                {"TemplateId", "1110"},
                                                {"TemplateParamSet", {kCode, "10", "a \"b\""}}}));
  const Received plain = sent(provider("tencent"));
  BOOST_TEST(json::parse(plain.body).at("TemplateParamSet") == json::array({kCode}));
}

BOOST_AUTO_TEST_CASE(twilio_sends_the_text) {
  const std::string odd = "\" \\ \\n & = + % 验证码\n\r\t\x01 é";
  const Received request = sent(provider("twilio"), {.text = odd});
  BOOST_TEST(request.header("content-type") == "application/x-www-form-urlencoded");
  const auto fields = fields_of(request.body);
  BOOST_TEST(fields.size() == 3U);
  BOOST_TEST(fields.at("To") == "+8618866668888");
  BOOST_TEST(fields.at("From") == "+15005550006");
  BOOST_TEST(fields.at("Body") == odd);
}

BOOST_AUTO_TEST_CASE(twilio_takes_a_messaging_service_and_an_api_key) {
  const FakeServer server([](const Received&) { return Answer{201, R"({"sid":"SM0"})"}; });
  const SendSms programs(provider("twilio"), server.url(),
                         "twilio_messaging_service_sid = MG0\ntwilio_api_key_sid = SK0\n");
  BOOST_TEST(programs.run("twilio").status == 0);
  const Received request = server.requests().at(0);
  BOOST_TEST(request.target == "/2010-04-01/Accounts/AC0123/Messages.json");
  BOOST_TEST(request.header("authorization") ==
             "Basic " + base64_of(std::string("SK0:") + kSecret));
  const auto fields = fields_of(request.body);
  BOOST_TEST(fields.count("From") == 0U);
  BOOST_TEST(fields.at("MessagingServiceSid") == "MG0");
}

BOOST_AUTO_TEST_CASE(the_webhook_gets_the_message_as_it_is) {
  const Text odd{.text = "\" \\ \\n & = + % 验证码\n\r\t\x01 é"};
  const Received request = sent(provider("webhook"), odd);
  BOOST_TEST(request.body + "\n" == message_line(odd));
  BOOST_TEST(request.header("x-users-id") == "7");
  BOOST_TEST(request.header("content-type") == "application/json; charset=utf-8");
}

BOOST_AUTO_TEST_CASE(a_secret_may_have_any_characters) {
  const std::string odd = "a\\b\"c $(id) é%s\\n";
  const FakeServer server([](const Received&) { return Answer{200, ""}; });
  const SendSms programs(provider("webhook"), server.url());
  (void)programs.secret(odd + "\n");
  BOOST_TEST(programs.run("webhook").status == 0);
  const Received request = server.requests().at(0);
  BOOST_TEST(request.header("x-users-signature") == webhook_signature(request, odd));
}

BOOST_DATA_TEST_CASE(the_programs_understand_what_the_courier_writes, kProviders, provider) {
  const FakeServer server(provider.service);
  const SendSms programs(provider, server.url());
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the server's thread reads no environment
  ::setenv("SEND_SMS_CONF", (programs.path() / "send-sms.conf").c_str(), 1);
  for (const char* language : {"zh", "en"}) {
    const Message message{
        .phone = "+8618866668888", .purpose = "phone", .code = "123456", .language = language};
    Config config;
    config.sms_command = std::filesystem::absolute("conf/send-sms/" + provider.name);
    config.sms_timeout = 10;
    config.sms_origin = language == std::string("zh") ? "example.org" : "";
    BOOST_TEST((run_send_command(config, 7, message) == Delivery::sent));
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): as above
  ::unsetenv("SEND_SMS_CONF");
  BOOST_TEST(server.requests().size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
