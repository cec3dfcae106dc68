module dbkernel/bindings/go

go 1.21
