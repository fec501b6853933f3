module acometida.example/lab/pause

go 1.24.0
