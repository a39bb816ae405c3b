#include "web/routes.hpp"

namespace users::web {
namespace {

bool has_path(const Route& route, std::string_view path) {
  if (!path.starts_with(kBasePath)) return false;
  path.remove_prefix(kBasePath.size());
  if (!route.path.ends_with("/*")) return path == route.path;
  const auto folder = route.path.substr(0, route.path.size() - 1);
  return path.size() > folder.size() && path.starts_with(folder) &&
         path.find('/', folder.size()) == std::string_view::npos;
}

}  // namespace

const Route* find_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  for (const Route& route : routes()) {
    if (route.method == method && has_path(route, path)) return &route;
  }
  return nullptr;
}

std::uint32_t number_of(const Route* route) {
  return route == nullptr ? 0 : static_cast<std::uint32_t>(route - routes().data()) + 1;
}

std::string name_of_request(std::uint32_t number) {
  if (number == 0 || number > routes().size()) return "";
  const Route& route = routes()[number - 1];
  return std::string(route.method) + " " + std::string(route.path);
}

std::string allowed_methods(std::string_view path) {
  std::string methods;
  for (const Route& route : routes()) {
    if (!has_path(route, path)) continue;
    if (!methods.empty()) methods += ", ";
    methods += route.method;
    if (route.method == "GET") methods += ", HEAD";
  }
  return methods;
}

}  // namespace users::web
