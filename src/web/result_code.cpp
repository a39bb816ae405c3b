#include "web/result_code.hpp"

#include <algorithm>
#include <iterator>

namespace users::web {
namespace {

using enum ResultCode;

constexpr ResultCodeRow kCatalogue[] = {
    {ok, "Ok", 200, "ok", "ok", "", "Done."},
    {invalid_arguments, "InvalidArguments", 400, "入参非法", "invalid arguments", "fields",
     "`fields` names each argument that is missing, has the wrong type or is outside its limits. "
     "`body` means that the body cannot be read (neither JSON nor a form, not UTF-8, a key twice, "
     "more than 8 levels), `request` that the request is not HTTP, `origin` that a browser sent "
     "the request for a page of another site (to `regist`, `code`, `login`, `reset` or "
     "`passkey/challenge`), `passkeys` that the account has as many as it can."},
    {already_registered, "AlreadyRegistered", 409, "用户已注册，请直接登录",
     "already registered, please log in", "",
     "An account has this phone: log in, or reset the password."},
    {wrong_credentials, "WrongCredentials", 401, "手机号或密码错误", "wrong phone or password", "",
     "No account has this phone, or the password is wrong; the reply does not say which. For a "
     "passkey: it was refused, and the service's log says why."},
    {wrong_code, "WrongCode", 403, "验证码错误或已过期", "wrong or expired verification code",
     "factors",
     "Not the code that was sent to this phone for this purpose, or an expired one. After too many "
     "wrong attempts the code is used up. With `factors`: not a right second factor, or one that "
     "was used before.",
     true},
    {code_used_up, "CodeUsedUp", 403, "验证码已失效，请重新获取",
     "verification code used up, request a new one", "",
     "The code has been used, or had too many wrong attempts. Request another one."},
    {too_many_requests, "TooManyRequests", 429, "请求过于频繁，请稍后再试",
     "too many requests, try again later", "retry_after",
     "More requests than the limits of the phone, of the address or of the service allow. Try "
     "again in `retry_after` seconds."},
    {locked, "Locked", 429, "尝试次数过多，账号暂时锁定", "too many attempts, temporarily locked",
     "retry_after",
     "Too many wrong passwords for this phone, or wrong second factors for this account. Try again "
     "in `retry_after` seconds. Login by code and reset need no password."},
    {not_logged_in, "NotLoggedIn", 401, "请先登录", "please log in", "",
     "No session: none was sent, it has ended, a page of another site sent its cookie along, or it "
     "does not belong to the account that `X-Users-Account` names."},
    {weak_password, "WeakPassword", 400, "密码过于简单", "password too weak", "",
     "A guesser would find it at once, or it is the phone or the service's name."},
    {account_disabled, "AccountDisabled", 403, "账号已停用", "account disabled", "",
     "The operator has disabled the account. Only clients that know its password or a code learn "
     "this."},
    {registration_closed, "RegistrationClosed", 403, "暂不开放注册", "registration is closed", "",
     "The operator does not accept registrations and sends no codes for them."},
    {second_factor_required, "SecondFactorRequired", 401, "需要二次验证", "second factor required",
     "factors",
     "The account has a second factor. Send the same request again with one of the arguments that "
     "`factors` names. Nothing was consumed."},
    {confirmation_required, "ConfirmationRequired", 401, "请重新验证身份",
     "please confirm that it is you", "",
     "The last login of this session is too long ago. Send `POST confirm`, then this request "
     "again."},
    {not_allowed, "NotAllowed", 403, "没有访问权限", "not allowed", "",
     "The location is not for this account: it is in none of the groups that may enter."},
    {internal_error, "InternalError", 500, "服务器内部错误", "internal error", "",
     "A defect. The service's log has the cause under the reply's `X-Request-Id`."},
    {unavailable, "Unavailable", 503, "服务暂不可用，请稍后再试", "temporarily unavailable",
     "retry_after",
     "The database or the workers are down or busy. Whether the request was carried out may be "
     "unknown. Send it again in `retry_after` seconds, with the same `Idempotency-Key` if the "
     "endpoint accepts one."},
    {no_such_resource, "NoSuchResource", 404, "接口不存在", "no such resource", "",
     "No resource has this path, or this client may not see it."},
    {method_not_allowed, "MethodNotAllowed", 405, "请求方法不支持", "method not allowed", "",
     "The path allows other methods; `Allow` lists them."},
    {request_too_large, "RequestTooLarge", 413, "请求体过大", "request too large", "",
     "The body is larger than the service accepts."},
};

}  // namespace

std::span<const ResultCodeRow> result_codes() {
  return kCatalogue;
}

const ResultCodeRow& describe(ResultCode code) {
  const auto* row = std::ranges::find(kCatalogue, code, &ResultCodeRow::code);
  return row != std::end(kCatalogue) ? *row : describe(internal_error);
}

}  // namespace users::web
