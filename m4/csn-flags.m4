# CSN_COMPILER_FLAGS
# The warning and hardening flags every object of the project is built with.
AC_DEFUN([CSN_COMPILER_FLAGS], [
  csn_warn="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wformat=2"
  csn_cwarn="$csn_warn -Wstrict-prototypes -Wmissing-prototypes"
  csn_hard="-fstack-protector-strong -fno-strict-overflow"
  csn_link="-Wl,-z,relro -Wl,-z,now"
  AS_IF([test "x$enable_sanitizers" = xyes],
    [csn_hard="$csn_hard -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
     csn_link="$csn_link -fsanitize=address,undefined"],
    [csn_hard="$csn_hard -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
  AS_IF([test "x$enable_werror" = xyes], [csn_cwarn="$csn_cwarn -Werror" csn_warn="$csn_warn -Werror"])
  AM_CONDITIONAL([SANITIZERS], [test "x$enable_sanitizers" = xyes])
  AC_SUBST([CSN_CFLAGS], ["$csn_cwarn $csn_hard"])
  AC_SUBST([CSN_CXXFLAGS], ["$csn_warn $csn_hard"])
  AC_SUBST([CSN_LDFLAGS], ["$csn_link"])
])
