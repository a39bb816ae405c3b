#include "sms/provider.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "sms/signatures.hpp"

namespace users::test {
namespace {

// Both clouds refuse a time that is off by more than 15 and 5 minutes, respectively.
bool is_recent(long time) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::abs(std::chrono::duration_cast<std::chrono::seconds>(now).count() - time) < 60;
}

/// Parses an ISO 8601 time as Alibaba Cloud requires it; 0 for anything else.
long utc_time(const std::string& text) {
  std::tm utc{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return rest == nullptr || *rest != '\0' ? 0 : ::timegm(&utc);
}

Answer webhook(const Received& request) {
  const bool good = request.method == "POST" &&
                    is_recent(std::stol("0" + request.header("x-users-timestamp"))) &&
                    request.header("x-users-signature") == webhook_signature(request, kSecret);
  return good ? Answer{204, ""} : Answer{401, "who are you"};
}

Answer aliyun(const Received& request) {
  const bool good =
      request.method == "POST" && request.header("x-acs-action") == "SendSms" &&
      request.header("x-acs-version") == "2017-05-25" &&
      is_recent(utc_time(request.header("x-acs-date"))) &&
      request.header("x-acs-content-sha256") == sha256_hex(request.body) &&
      request.header("authorization") == aliyun_authorization(request, "LTAI5t", kSecret);
  return good ? Answer{200, R"({"Message":"OK","RequestId":"F655","Code":"OK","BizId":"9006"})"}
              : Answer{400, R"({"RequestId":"F655","Message":"Specified signature is not matched )"
                            R"(with our calculation.","Code":"SignatureDoesNotMatch"})"};
}

Answer tencent(const Received& request) {
  const bool good =
      request.method == "POST" && request.header("x-tc-action") == "SendSms" &&
      request.header("x-tc-version") == "2021-01-11" &&
      request.header("x-tc-region") == "ap-guangzhou" &&
      is_recent(std::stol("0" + request.header("x-tc-timestamp"))) &&
      request.header("authorization") == tencent_authorization(request, "sms", "AKID8", kSecret);
  return {200, good ? R"({"Response":{"SendStatusSet":[{"SerialNo":"5000:1","PhoneNumber":"+86",)"
                      R"("Fee":1,"SessionContext":"","Code":"Ok","Message":"send success",)"
                      R"("IsoCode":"CN"}],"RequestId":"a0ae"}})"
                    : R"({"Response":{"Error":{"Code":"AuthFailure.SignatureFailure","Message":)"
                      R"("Please check your signature."},"RequestId":"ed93"}})"};
}

Answer twilio(const Received& request) {
  const std::string credentials = std::string("AC0123:") + kSecret;
  const bool good = request.method == "POST" &&
                    request.target == "/2010-04-01/Accounts/AC0123/Messages.json" &&
                    request.header("authorization") == "Basic " + base64_of(credentials);
  return good ? Answer{201, R"({"body": "x", "error_code": null, "status": "queued", )"
                            R"("sid": "SM0123456789abcdef0123456789abcdef", "price": null})"}
              : Answer{401, R"({"code": 20003, "message": "Authenticate", "status": 401})"};
}

Answer tencent_status(const std::string& code) {
  return {200, R"({"Response":{"SendStatusSet":[{"SerialNo":"","PhoneNumber":"+86","Fee":0,)"
               R"("SessionContext":"","Code":")" +
                   code + R"(","Message":"no","IsoCode":""}],"RequestId":"a0ae"}})"};
}

}  // namespace

std::string Provider::config(const std::string& url, const std::string& secret_file,
                             int timeout) const {
  std::string text = "# the test's\n\n" + address_key + " = " + url + "\n" + secret_key + "=" +
                     secret_file + "\n  timeout = " + std::to_string(timeout) + "\n";
  for (const std::string& setting : settings) text += setting + "  \n";
  return text;
}

const std::vector<Provider>& providers() {
  static const std::vector<Provider> all{
      {.name = "webhook",
       .settings = {},
       .address_key = "webhook_url",
       .secret_key = "webhook_secret_file",
       .service = webhook,
       .wrong_secret_code = "HTTP 401",
       .bad_number = {422, "no such number"},
       .bad_number_code = "HTTP 422",
       .throttled = {429, ""}},
      {.name = "aliyun",
       .settings = {"aliyun_access_key_id = LTAI5t", "aliyun_sign_name = 示例 & 网站",
                    "aliyun_template = SMS_1"},
       .address_key = "aliyun_endpoint",
       .secret_key = "aliyun_access_key_secret_file",
       .service = aliyun,
       .wrong_secret_code = "SignatureDoesNotMatch",
       .bad_number = {200,
                      R"({"Message":"no","RequestId":"F6","Code":"isv.MOBILE_NUMBER_ILLEGAL"})"},
       .bad_number_code = "isv.MOBILE_NUMBER_ILLEGAL",
       .throttled = {200, R"({"Message":"no","Code":"isv.BUSINESS_LIMIT_CONTROL"})"}},
      {.name = "tencent",
       .settings = {"tencent_secret_id = AKID8", "tencent_app_id = 1400006666",
                    "tencent_sign_name = 示例\"网\\站", "tencent_template = 1110"},
       .address_key = "tencent_endpoint",
       .secret_key = "tencent_secret_key_file",
       .service = tencent,
       .wrong_secret_code = "AuthFailure.SignatureFailure",
       .bad_number = tencent_status("InvalidParameterValue.IncorrectPhoneNumber"),
       .bad_number_code = "InvalidParameterValue.IncorrectPhoneNumber",
       .throttled = tencent_status("LimitExceeded.PhoneNumberThirtySecondLimit")},
      {.name = "twilio",
       .settings = {"twilio_account_sid = AC0123", "twilio_from = +15005550006"},
       .address_key = "twilio_endpoint",
       .secret_key = "twilio_secret_file",
       .service = twilio,
       .wrong_secret_code = "20003",
       .bad_number = {400, R"({"code": 21211, "message": "Invalid 'To'", "status": 400})"},
       .bad_number_code = "21211",
       .throttled = {400, R"({"code": 21611, "message": "queue is full", "status": 400})"}},
  };
  return all;
}

const Provider& provider(const std::string& name) {
  return *std::find_if(providers().begin(), providers().end(),
                       [&](const Provider& each) { return each.name == name; });
}

}  // namespace users::test
