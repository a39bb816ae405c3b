#include "web/result_code.hpp"

#include <algorithm>
#include <iterator>

namespace users::web {
namespace {

using enum ResultCode;

constexpr ResultCodeRow kCatalogue[] = {
    {ok, 200, "ok", "ok"},
    {invalid_arguments, 400, "入参非法", "invalid arguments"},
    {already_registered, 409, "用户已注册，请直接登录", "already registered, please log in"},
    {wrong_credentials, 401, "手机号或密码错误", "wrong phone or password"},
    {wrong_code, 403, "验证码错误或已过期", "wrong or expired verification code"},
    {code_used_up, 403, "验证码已失效，请重新获取", "verification code used up, request a new one"},
    {too_many_requests, 429, "请求过于频繁，请稍后再试", "too many requests, try again later"},
    {locked, 429, "尝试次数过多，账号暂时锁定", "too many attempts, temporarily locked"},
    {not_logged_in, 401, "请先登录", "please log in"},
    {weak_password, 400, "密码过于简单", "password too weak"},
    {account_disabled, 403, "账号已停用", "account disabled"},
    {registration_closed, 403, "暂不开放注册", "registration is closed"},
    {internal_error, 500, "服务器内部错误", "internal error"},
    {unavailable, 503, "服务暂不可用，请稍后再试", "temporarily unavailable"},
    {no_such_resource, 404, "接口不存在", "no such resource"},
    {method_not_allowed, 405, "请求方法不支持", "method not allowed"},
    {request_too_large, 413, "请求体过大", "request too large"},
};

static_assert(std::ranges::is_sorted(kCatalogue, {}, &ResultCodeRow::code),
              "describe() searches by bisection");

}  // namespace

std::span<const ResultCodeRow> result_codes() {
  return kCatalogue;
}

const ResultCodeRow& describe(ResultCode code) {
  return *std::ranges::lower_bound(kCatalogue, code, {}, &ResultCodeRow::code);
}

}  // namespace users::web
