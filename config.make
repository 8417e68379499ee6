# Read by nginx's auto/make: flags for our own files, not for nginx's.
#
# nginx loads modules with global symbols, so nothing of ours may be visible
# but the three tables that nginx looks up, and those are in a file of its
# own.  SECTOR_CACHE_CFLAGS, from the environment, adds flags for developing.

case "$NGX_CC_NAME" in
    gcc | clang)
        sector_cache_cflags="-std=gnu11 -fvisibility=hidden"
    ;;

    *)
        sector_cache_cflags=
    ;;
esac

# A hit runs through many small functions in many files: where the compiler is
# told to optimise, it may look into all of them.  The objects have machine code
# as well, for linkers other than gcc's usual one.

case "$NGX_CC_NAME $NGX_CC_OPT" in
    gcc*-O[23]*)
        sector_cache_cflags="$sector_cache_cflags -flto=auto -ffat-lto-objects"
    ;;
esac

cat << END                                                    >> $NGX_MAKEFILE

$NGX_OBJS/addon/ngx_sector_cache_module/%.o $NGX_OBJS/addon/assets/%.o: \\
	CFLAGS += $sector_cache_cflags $SECTOR_CACHE_CFLAGS

END
